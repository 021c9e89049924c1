// What the core weighs for a page. More than it may is an error.

import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { options } from "./bundle.js";

const MOST = 5_000;

for (const [entry, most] of [["index", MOST], ["react", MOST]]) {
  const { outputFiles } = await build({ ...options(entry), sourcemap: false, minify: true, write: false });
  const size = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  console.log(`${entry}: ${size} bytes, minified and gzipped; ${most} are the most`);
  if (size > most) process.exitCode = 1;
}
