// How the package is bundled: each entry on its own, and the hook without the core.

export const options = (entry) => ({
  entryPoints: [`src/${entry}.ts`],
  outfile: `dist/${entry}.js`,
  bundle: true,
  format: "esm",
  target: "es2022",
  external: ["react", "rest-live"],
  sourcemap: true,
});
