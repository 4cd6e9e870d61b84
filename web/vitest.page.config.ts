import { defineConfig } from "vitest/config";

// The real page in Debian's Chromium against the real server: tests/system/test_page.py runs this.
export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    bail: 1, // a story goes on from what stands before
  },
});
