// Typechecks the examples of the README: each block is a module of its own, with the models of the first.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const directory = "tests/readme";
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const blocks = [...readFileSync("README.md", "utf8").matchAll(/^```(tsx?)\n(.*?)^```/gms)];
for (const [at, [, extension, code]] of blocks.entries()) writeFileSync(`${directory}/example${at}.${extension}`, `export {};\n${code}`);
const config = {
  extends: "../../tsconfig.json",
  compilerOptions: { paths: { "rest-live": ["../../src/index.ts"], "rest-live/react": ["../../src/react.ts"] }, noUnusedLocals: false },
  include: ["*"],
};
writeFileSync(`${directory}/tsconfig.json`, JSON.stringify(config));
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit", "-p", directory], { stdio: "inherit" });
console.log(`${blocks.length} examples of the README compile`);
