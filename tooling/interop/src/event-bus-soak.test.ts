import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

// The five minutes of the full run are for `node --expose-gc src/event-bus-soak.ts`.
it("under load on three backends at once nothing is lost and memory stays flat", async () => {
  const script = join(import.meta.dirname, "event-bus-soak.ts");
  const args = ["--expose-gc", script, "--seconds", "10"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const verdicts = stdout.split("\n").filter((line) => /^(ok|LOST|GROWING)/.test(line));
  expect(verdicts.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
    "ok memory:",
    "ok redis:",
    "ok jetstream:",
    "ok memory:",
  ]);
});
