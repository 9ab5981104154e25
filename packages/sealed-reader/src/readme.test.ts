import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { scratchDirectory, TestCell } from "./test-cell.testing.js";

it("has an example in its README that runs and prints what it should", () => {
  const home = join(import.meta.dirname, "..");
  const [, example] = /```ts\n(.*?)```/s.exec(readFileSync(join(home, "README.md"), "utf8")) ?? [];
  const cell = new TestCell(join(scratchDirectory(), "substrate.sqlite"));
  cell.telemetry(5);
  // Inside the package, so that it can import the package by its name.
  const directory = mkdtempSync(join(home, ".readme-"));
  try {
    const file = join(directory, "example.mjs");
    writeFileSync(file, example ?? "");
    const output = execFileSync(process.execPath, [file], {
      encoding: "utf8",
      env: { ...process.env, GAIAFTCL_DATA: dirname(cell.path) },
    });
    expect(output.trim().split("\n")).toEqual([
      "5n 2026-11-20T00:00:04.000Z drift true facets",
      "4n 2026-11-20T00:00:03.000Z drift true facets",
      "3n 2026-11-20T00:00:02.000Z drift true facets",
      "true 5 rows in 7 tables verified",
    ]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
