import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { xxh3 } from "@gaiaftcl/xxh3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Redex } from "./redex.js";
import { filesBelow, placeCase, vectors } from "./vectors.testing.js";

const CHANNEL = "fixture/c";
const EVERYTHING = 2n ** 64n - 1n;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "redex-recovery-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("recovery", () => {
  it("has the reference's 33 cases", () => {
    expect(vectors.recovery).toHaveLength(33);
  });

  it.each(vectors.recovery)("$case: $what", async (expected) => {
    const directory = join(root, CHANNEL);
    placeCase(expected.case, directory);
    {
      await using redex = await Redex.open(root);
      const file = await redex.openFile(CHANNEL);
      const events = file.readRange(0, EVERYTHING);
      expect(events.map((event) => ({ ...event, payload: hex(event.payload) }))).toEqual(
        expected.recovered,
      );
      expect(file.length).toBe(expected.len);
      expect(file.nextSeq).toBe(expected.next_seq);
      expect(filesBelow(directory)).toEqual(expected.files_after_open);
      file.append(Buffer.from("NEW"));
    }
    await using again = await Redex.open(root);
    const file = await again.openFile(CHANNEL);
    expect(
      file.readRange(0, EVERYTHING).map(({ seq, payload }) => ({ seq, payload: brief(payload) })),
    ).toEqual(expected.second_open_after_appending_NEW);
    expect(file.nextSeq).toBe(expected.second_open_next_seq);
  });

  it("tells what it repaired, and nothing of a log that was closed well", async () => {
    const reports = new Map<string, object | undefined>();
    for (const { case: name } of vectors.recovery) {
      placeCase(name, join(root, name, "c"));
      await using redex = await Redex.open(join(root, name));
      reports.set(name, (await redex.openFile("c")).recovery);
    }
    const clean = {
      generation: 1,
      found: "manifest",
      events: 10,
      tornRecords: 0,
      damagedEvents: 0,
      strayIndexBytes: 0,
      strayPayloadBytes: 0,
      sequenceBreaks: 0,
      timestampsLost: false,
      generationsRemoved: 0,
    };
    expect(reports.get("clean")).toEqual(clean);
    expect(reports.get("empty-new")).toEqual({ ...clean, found: "new", events: 0 });
    expect(reports.get("idx-partial-tail")).toEqual({ ...clean, strayIndexBytes: 7 });
    expect(reports.get("dat-orphan-tail")).toEqual({ ...clean, strayPayloadBytes: 9 });
    expect(reports.get("dat-short-by-1")).toMatchObject({ events: 9, tornRecords: 1 });
    expect(reports.get("dat-bitflip-middle")).toMatchObject({
      events: 9,
      damagedEvents: 1,
      sequenceBreaks: 1,
    });
    expect(reports.get("idx-seq-last-1000")).toEqual({ ...clean, sequenceBreaks: 1 });
    expect(reports.get("ts-short")).toEqual({ ...clean, timestampsLost: true });
    expect(reports.get("manifest-bad-checksum")).toEqual({ ...clean, found: "complete" });
    expect(reports.get("legacy-flat")).toEqual({ ...clean, found: "flat" });
    expect(reports.get("orphan-newer-generation")).toEqual({ ...clean, generationsRemoved: 1 });
    expect(reports.get("ts-missing-gen2")).toMatchObject({ events: 0, generationsRemoved: 1 });
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The vectors give long payloads of the second open by their hash. */
function brief(payload: Uint8Array): string {
  return payload.length >= 32
    ? `xxh3:${xxh3(payload).toString(16).padStart(16, "0")}`
    : hex(payload);
}
