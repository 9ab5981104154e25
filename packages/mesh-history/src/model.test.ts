import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ModelAdapter, openModel } from "@gaiaftcl/cortex";
import { Redex } from "@gaiaftcl/redex";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type MeshEventKind,
  type MeshHistoryInputs,
  type MeshHistoryQueries,
  type MeshHistoryTable,
  type MeshOccurrence,
  meshHistoryModel,
} from "./index.js";

type History = ModelAdapter<MeshHistoryTable, MeshHistoryInputs, MeshHistoryQueries>;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mesh-history-"));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function withHistory<Result>(use: (history: History) => Result): Promise<Result> {
  await using redex = await Redex.open(directory);
  const log = await redex.openFile(meshHistoryModel.channel, { persistent: true });
  await using history = await openModel(meshHistoryModel, log, { originHash: 1n });
  return use(history);
}

function occurrence(module: string, at: bigint): MeshOccurrence {
  return {
    module,
    witnessHash: "0".repeat(64),
    producedAtIso: "2026-11-20T00:00:00Z",
    atNs: at,
    detail: "signed",
  };
}

describe("the history of a mesh cache", () => {
  it("is there again after it was closed, the newest first", async () => {
    await withHistory((history) => {
      history.write("published", occurrence("a.b", 1n));
      history.write("loaded", occurrence("a.b", 2n));
      history.write("refused", occurrence("c", 3n));
    });
    const events = await withHistory((history) => history.read.list());
    expect(events.map(({ seq, kind, module }) => [seq, kind, module])).toEqual([
      [2n, "refused", "c"],
      [1n, "loaded", "a.b"],
      [0n, "published", "a.b"],
    ]);
  });

  it("answers by module, by kind and with a limit as a scan of all events would", async () => {
    const kinds: MeshEventKind[] = ["published", "loaded", "refused"];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ kind: fc.constantFrom(...kinds), module: fc.constantFrom("a", "b") })),
        fc.record(
          {
            kind: fc.constantFrom(...kinds),
            module: fc.constantFrom("a", "b", "none"),
            limit: fc.nat(5),
          },
          { requiredKeys: [] },
        ),
        async (written, filter) => {
          await using redex = await Redex.open();
          const log = await redex.openFile(meshHistoryModel.channel);
          await using history = await openModel(meshHistoryModel, log, { originHash: 1n });
          written.forEach(({ kind, module }, index) => {
            history.write(kind, occurrence(module, BigInt(index)));
          });
          const expected = written
            .map((event, index) => ({ ...event, seq: BigInt(index) }))
            .filter(({ kind }) => filter.kind === undefined || kind === filter.kind)
            .filter(({ module }) => filter.module === undefined || module === filter.module)
            .reverse()
            .slice(0, filter.limit);
          expect(
            history.read.list(filter).map(({ seq, kind, module }) => ({ kind, module, seq })),
          ).toEqual(expected);
        },
      ),
    );
  });
});
