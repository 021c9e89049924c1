// Fails where the file that the example serves is not what these sources make.

import { readFileSync } from "node:fs";

import { build } from "esbuild";

import { example } from "./bundle.js";

const { outputFiles } = await build({ ...example, write: false });
if (outputFiles[0].text === readFileSync(example.outfile, "utf8")) {
  console.log(`${example.outfile}: up to date`);
} else {
  console.error(`${example.outfile}: not what src/ makes; run \`npm run build\` in client/ and commit it`);
  process.exitCode = 1;
}
