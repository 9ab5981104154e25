import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { commandLineMain, privateBrokers, records, runCommand } from "./cell-process.ts";

describe("the walk of gaiaftcl dev", () => {
  it.each(["node-22", "node-24"])("holds on %s", async (runtime) => {
    const packageJson = fileURLToPath(import.meta.resolve(`${runtime}/package.json`));
    const node = join(packageJson, "..", "bin", "node");
    const { code, stdout, stderr } = await runCommand(
      node,
      [commandLineMain, "--json", "dev", "--once"],
      await privateBrokers(),
    );
    const failed = records(stdout).filter(
      ({ kind, derived }) => kind === "step" && !(derived as { ok: boolean }).ok,
    );
    expect(failed).toEqual([]);
    expect(code).toBe(0);
    expect(stderr).not.toContain("ExperimentalWarning");
  });
});

describe("a Node without what the command line needs", () => {
  it("is told apart in plain words", async () => {
    const { code, stderr } = await runCommand(
      process.execPath,
      ["--no-experimental-sqlite", commandLineMain, "--version"],
      {},
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: gaiaftcl needs Node .+, found v.+\n {2}next: npx .+\n$/);
  });
});
