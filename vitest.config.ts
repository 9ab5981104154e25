import { defineConfig } from "vitest/config";

/**
 * Three projects: `unit` needs nothing but this checkout; `conformance` runs suites by others;
 * `interop` starts real peers and fails when one is missing.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "packages/*/src/**/*.test.ts",
            "apps/*/src/**/*.test.ts",
            "tooling/*/src/**/*.test.ts",
          ],
          exclude: ["tooling/conformance/**", "tooling/interop/**", "**/node_modules/**"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "conformance",
          include: ["tooling/conformance/src/**/*.test.ts"],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "interop",
          include: ["tooling/interop/src/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
