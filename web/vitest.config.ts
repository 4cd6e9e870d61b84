import { defineConfig } from "vitest/config";

// Logic only, in Node: quick. What needs a browser is in tests/ (vitest.page.config.ts).
export default defineConfig({
  test: { include: ["src/**/*.test.ts"], environment: "node", pool: "threads" },
});
