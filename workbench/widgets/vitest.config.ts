import { defineConfig } from "vitest/config";

// Tests live with the project's other tests; globals spare them a path into node_modules.
export default defineConfig({
  root: "../..",
  test: { include: ["tests/widgets/*.test.ts"], environment: "jsdom", globals: true, maxWorkers: 1, minWorkers: 1 },
});
