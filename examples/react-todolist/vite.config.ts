import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The server of `cargo run --example todolist`. An object, not a mere address: that would have Vite tell the server its own name as
// `Host`, and then the page would be of a foreign origin.
const server = { target: process.env.TODOLIST ?? "http://127.0.0.1:3000", ws: true };
const proxy = Object.fromEntries(["/ws/", "/lists/", "/tasks/", "/login/", "/logout/", "/me/"].map((path) => [path, server]));

export default defineConfig({
  plugins: [react()],
  resolve: {
    // The client as it is in this repository. With `npm install rest-live` both lines go.
    alias: [
      { find: /^rest-live\/react$/, replacement: here("../../client/src/react.ts") },
      { find: /^rest-live$/, replacement: here("../../client/src/index.ts") },
    ],
    dedupe: ["react"],
  },
  server: { proxy, fs: { allow: [".", "../../client/src"] } },
  preview: { proxy },
});
