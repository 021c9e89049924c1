import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const resolve = { alias: [{ find: /^rest-live\/react$/, replacement: source("src/react.ts") }, { find: /^rest-live$/, replacement: source("src/index.ts") }] };

export default defineConfig({
  test: {
    maxWorkers: 1,
    projects: [
      { resolve, test: { name: "unit", include: ["tests/unit/**/*.test.{ts,tsx}"] } },
      { resolve, test: { name: "integration", include: ["tests/integration/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 900_000 } },
    ],
  },
});
