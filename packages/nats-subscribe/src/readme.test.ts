import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

it("has an example in its README that runs and prints what it should", () => {
  const home = join(import.meta.dirname, "..");
  const [, example] = /```ts\n(.*?)```/s.exec(readFileSync(join(home, "README.md"), "utf8")) ?? [];
  // Inside the package, so that it can import the package by its name.
  const directory = mkdtempSync(join(home, ".readme-"));
  try {
    const file = join(directory, "example.mjs");
    writeFileSync(file, example ?? "");
    const output = execFileSync(process.execPath, [file], { encoding: "utf8" });
    expect(output.trim().split("\n")).toEqual([
      "drift true bus-unverified",
      "other false bus-unverified",
    ]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
