import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { NetDb } from "./net-db.js";

const packageDirectory = join(import.meta.dirname, "..");

// Writes tasks as fast as it can, and says of each what it is once it has been written and folded.
const writer = `
  import { NetDb } from "@gaiaftcl/cortex";
  const db = await NetDb.open({ directory: process.argv[1], originHash: 7n, withTasks: true });
  for (let id = BigInt(db.tasks.count()); ; id += 1n) {
    db.tasks.create(id, "task " + id, id);
    if (db.tasks.get(id) === undefined) throw new Error("not folded");
    if (!process.stdout.write(id + "\\n")) await new Promise((go) => process.stdout.once("drain", go));
  }
`;

/** Lets a writer work until it has reported `count` tasks, kills it, and returns the last reported. */
async function writeAndKill(directory: string, count: number): Promise<bigint> {
  const args = ["--input-type=module", "--eval", writer, directory];
  const child = spawn(process.execPath, args, {
    cwd: packageDirectory,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  let reported = -1n;
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    // The last line may be cut in the middle of its digits.
    if (lines >= count && BigInt(line) !== reported + 1n) continue;
    reported = BigInt(line);
    lines += 1;
    if (lines === count) child.kill("SIGKILL");
  }
  await closed;
  expect(child.signalCode).toBe("SIGKILL");
  return reported;
}

it("has every task that a writer reported before it was killed, and nothing invented", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cortex-kill-"));
  try {
    for (let round = 0; round < 8; round += 1) {
      const reported = await writeAndKill(directory, 50 + round * 200);
      await using db = await NetDb.open({ directory, originHash: 7n, withTasks: true });
      const tasks = db.tasks.list();
      expect(tasks.length).toBeGreaterThan(Number(reported));
      tasks.forEach(({ id, title, createdNs }, at) => {
        expect([id, title, createdNs]).toEqual([BigInt(at), `task ${at}`, BigInt(at)]);
      });
      expect(db.tasks.progress).toMatchObject({ skipped: 0, applied: BigInt(tasks.length - 1) });
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
