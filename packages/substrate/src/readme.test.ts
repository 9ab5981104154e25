import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

it("has an example in its README that runs and prints what it says", () => {
  const home = join(import.meta.dirname, "..");
  const [, example = ""] =
    /```ts\n(.*?)```/s.exec(readFileSync(join(home, "README.md"), "utf8")) ?? [];
  // Inside the package, so that it can import the package by its name.
  const directory = mkdtempSync(join(home, ".readme-"));
  try {
    const file = join(directory, "example.ts");
    writeFileSync(file, example);
    const printed = execFileSync(process.execPath, [file], { encoding: "utf8" });
    const promised = [...example.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)];
    expect(promised.length).toBeGreaterThan(0);
    expect(printed.trimEnd().split("\n")).toEqual(promised.map((line) => line[1]));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
