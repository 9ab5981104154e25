import { describe, expect, it } from "vitest";
import { runJob } from "./supervisor.ts";

describe("a job", () => {
  it("fuzzes the instrumented sources of a package in a thread of its own, the same each time", async () => {
    const job = { target: "net-wire/offer", seed: 1, runs: 2000, save: false };
    const [one, again] = await Promise.all([runJob(job), runJob(job)]);
    expect(one).toMatchObject({ runs: 2000 });
    expect(one.blocks).toBeGreaterThan(10);
    expect(again).toEqual(one);
  });

  it("replays one input", async () => {
    const job = { target: "net-wire/offer", seed: 1, save: false, replay: Buffer.from("GF") };
    expect(await runJob(job)).toMatchObject({ runs: 1 });
  });

  it("fails for a target that does not exist", async () => {
    const job = { target: "net-wire/none", seed: 1, save: false };
    expect((await runJob(job)).finding?.message).toContain("no fuzz target net-wire/none");
  });
});
