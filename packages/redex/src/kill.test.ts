import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LogReader } from "./log-reader.js";
import { Redex } from "./redex.js";

/** All 1,000 of them: `REDEX_KILLS=1000`. */
const kills = Number(process.env["REDEX_KILLS"] ?? 8);
const policies = ["none", "everyN", "interval", "retention"] as const;

const script = join(import.meta.dirname, "writer.testing.mjs");

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "redex-kill-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe(`a writer that is killed ${kills} times`, () => {
  it("loses nothing it had appended, whatever the fsync policy", async () => {
    for (let round = 0; round < kills; round += 1) {
      const policy = policies[round % policies.length] as string;
      const last = await killedWriter(policy, 1 + ((round * 7_919) % 400));
      await using redex = await Redex.open(root);
      const file = await redex.openFile("killed/log");
      expect(file.nextSeq).toBeGreaterThan(last);
      const events = file.readRange(0, 2n ** 64n - 1n);
      let expected = file.firstSeq ?? 0n;
      if (policy !== "retention" && round < policies.length - 1) expect(expected).toBe(0n);
      for (const { seq, payload } of events) {
        expect(seq).toBe(expected);
        const whole = Buffer.alloc(20 + Number((seq * 131n) % 700n), `${seq},`);
        expect(Buffer.compare(payload, whole)).toBe(0);
        expected += 1n;
      }
      expect(expected).toBe(file.nextSeq);
      expect(file.recovery).toMatchObject({ damagedEvents: 0, sequenceBreaks: 0 });
    }
  }, 1_200_000);
});

describe("a writer in another process", () => {
  it("is the only one until it ends, and can be read beside", async () => {
    const child = spawn(process.execPath, [script, root, "none"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(child, "close");
    await once(child.stdout, "data");
    await expect(Redex.open(root)).rejects.toMatchObject({
      code: "LOCKED",
      message: expect.stringContaining(`process ${child.pid}`),
    });
    using reader = await LogReader.open(root, "killed/log");
    child.stdout.resume();
    let expected = 0n;
    for await (const { seq, payload } of reader.tail(0, { pollMs: 1 })) {
      expect(seq).toBe(expected);
      expect(Buffer.from(payload).toString()).toMatch(new RegExp(`^${seq},`));
      expected += 1n;
      if (expected === 500n) break;
    }
    child.kill("SIGKILL");
    await closed;
    await (await Redex.open(root)).close();
  });
});

/** Runs the writer until it has said `lines` lines, kills it, and returns the last number it said. */
async function killedWriter(policy: string, lines: number): Promise<bigint> {
  const child = spawn(process.execPath, [script, root, policy], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const closed = once(child, "close");
  let last = -1n;
  let said = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, seq] = line.split(" ");
    if (what === "appended") last = BigInt(seq as string);
    said += 1;
    if (said === lines) child.kill("SIGKILL");
  }
  await closed;
  expect(errors).toBe("");
  return last;
}
