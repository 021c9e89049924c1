// Builds `dist`: the modules, their maps and their types. And the one file that the example serves.

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";

import { build } from "esbuild";

import { example, options } from "./bundle.js";

rmSync("dist", { recursive: true, force: true });
for (const entry of ["index", "react"]) await build(options(entry));
await build(example);
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
