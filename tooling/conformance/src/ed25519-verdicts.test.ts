import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ed25519Cases, wycheproofVerdicts } from "./ed25519-cases.ts";
import { type Judgement, judge } from "./ed25519-judge.ts";
import { verdictTable } from "./ed25519-table.ts";

const here = import.meta.dirname;
const cases = ed25519Cases();
const expectedSignatures = cases.signing.map((one) => `${one.publicKey} ${one.signature}`);

/** The older runtimes come as npm packages, which exist for this system alone. */
const olderRuntimes = process.platform === "linux" && process.arch === "x64" ? ["22", "24"] : [];
const runtimes = [
  { major: process.versions.node.split(".")[0] ?? "", executable: process.execPath },
  ...olderRuntimes.map((major) => ({
    major,
    executable: join(here, `../node_modules/node-${major}/bin/node`),
  })),
];

async function judgeOn(
  executable: string,
  preload: readonly string[],
): Promise<Judgement & { readonly version: string }> {
  const program = join(here, "ed25519-judge-main.ts");
  const { stdout } = await promisify(execFile)(executable, [...preload, program], {
    maxBuffer: 1 << 24,
  });
  return JSON.parse(stdout) as Judgement & { readonly version: string };
}

describe("the table of verdicts", () => {
  it("is what the suites say where they say it", () => {
    expect(verdictTable.wycheproof).toBe(wycheproofVerdicts());
    expect(verdictTable.wycheproof).toHaveLength(151);
    expect(verdictTable.rfc8032).toMatch(/^V{4}$/);
    expect(verdictTable.djb).toMatch(/^V{128}$/);
  });

  it("is the strict one where the suites leave it open: small order is refused, cofactorless", () => {
    expect(verdictTable.speccheck).toBe("XXXVXXXXXXXX");
    expect(verdictTable.edge).toBe(verdictTable.speccheck);
    expect(verdictTable.zip215).toMatch(/^X{196}$/);
  });

  it("covers every case", () => {
    for (const [suite, list] of Object.entries(cases.verdicts)) {
      expect(verdictTable).toHaveProperty(suite, expect.stringMatching(/^[VX]+$/));
      expect(verdictTable[suite as keyof typeof verdictTable]).toHaveLength(list.length);
    }
  });
});

describe.each(runtimes)("on Node $major", ({ major, executable }) => {
  it("is installed", () => {
    expect(existsSync(executable), `missing ${executable}; run pnpm install`).toBe(true);
  });

  it.each([
    ["node", []],
    ["noble", ["--import", join(here, "ed25519-noble-engine.ts")]],
  ])("the %s engine gives that table and the signatures of the suites", async (engine, preload) => {
    const judgement = await judgeOn(executable, preload);
    expect(judgement.version).toMatch(new RegExp(`^v${major}\\.`));
    expect(judgement.engine).toBe(engine);
    expect(judgement.verdicts).toEqual(verdictTable);
    expect(judgement.signed).toEqual(expectedSignatures);
  });
});

describe("inside this test runner", () => {
  it("the table is the same", () => {
    expect(judge(cases).verdicts).toEqual(verdictTable);
  });
});
