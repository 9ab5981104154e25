import { fileURLToPath } from "node:url";
import { Program } from "@gaiaftcl/peers";
import { expect, it } from "vitest";

// Ten seconds show what is lost and what leaks fast; EVENT_BUS_SOAK_SECONDS=300 is the full run.
const seconds = Number(process.env["EVENT_BUS_SOAK_SECONDS"] ?? 10);

it("under load on three backends at once nothing is lost and memory stays flat", {
  timeout: (seconds + 120) * 1_000,
}, async () => {
  const script = fileURLToPath(new URL("./event-bus-soak.ts", import.meta.url));
  const args = ["--expose-gc", script, "--seconds", String(seconds)];
  await using soak = new Program(process.execPath, args);
  const { code } = await soak.exited;
  const verdicts = soak.log.split("\n").filter((line) => /^(ok|LOST|GROWING)/.test(line));
  expect(
    verdicts.map((line) => line.split(" ").slice(0, 2).join(" ")),
    soak.log,
  ).toEqual(["ok memory:", "ok redis:", "ok jetstream:", "ok memory:"]);
  expect(code).toBe(0);
});
