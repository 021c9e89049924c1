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

/** The core in one file that is committed, so that the example needs no npm. */
export const example = {
  ...options("index"),
  outfile: "../examples/todolist/rest-live.js",
  minify: true,
  sourcemap: false,
  banner: { js: "// The client of client/src, minified. Made by `npm run build` in client/; not to be edited." },
};
