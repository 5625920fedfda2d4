import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Tests live with the project's other tests; globals spare them a path into node_modules.
const tests = fileURLToPath(new URL("../../tests/widgets", import.meta.url));
export default defineConfig({
  server: { fs: { strict: false } },
  test: { dir: tests, include: ["**/*.test.ts"], environment: "jsdom", globals: true, maxWorkers: 1, minWorkers: 1 },
});
