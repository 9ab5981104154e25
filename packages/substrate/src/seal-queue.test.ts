import { statSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SealQueue } from "./seal-queue.js";
import { openSubstrate } from "./substrate.js";
import {
  IDENTITY,
  scratch,
  telemetry,
  temporarySubstrate,
  verifiedRows,
} from "./substrate.testing.js";

const TABLE = "research_telemetry";

describe("a seal queue", () => {
  it("seals what is asked for in one turn in one transaction, in the order of the calls", async () => {
    using place = temporarySubstrate();
    await using queue = new SealQueue(place.substrate);
    let transactions = 0;
    place.substrate.onSealed(() => {
      transactions += 1;
    });
    const rows = await Promise.all(
      Array.from({ length: 300 }, (_, n) => queue.seal(TABLE, telemetry(`t-${n}`))),
    );
    expect(transactions).toBe(1);
    expect(rows.map((row) => row["seq"])).toEqual(rows.map((_, index) => index + 1));
    const stored = verifiedRows(place.path, TABLE);
    expect(stored.map((row) => row["telemetry_id"])).toEqual(
      rows.map((row) => row["telemetry_id"]),
    );
  });

  it("takes no more into one transaction than it may", async () => {
    using place = temporarySubstrate();
    await using queue = new SealQueue(place.substrate, { maxBatch: 10 });
    let transactions = 0;
    place.substrate.onSealed(() => {
      transactions += 1;
    });
    await Promise.all(Array.from({ length: 25 }, (_, n) => queue.seal(TABLE, telemetry(`t-${n}`))));
    expect(transactions).toBe(3);
    expect(verifiedRows(place.path, TABLE)).toHaveLength(25);
  });

  it("fails the caller of a bad row and nobody else", async () => {
    using place = temporarySubstrate();
    await using queue = new SealQueue(place.substrate);
    const results = await Promise.allSettled([
      queue.seal(TABLE, telemetry("a")),
      queue.seal(TABLE, telemetry("a")),
      queue.seal(TABLE, {}),
      queue.seal("nowhere", telemetry("b")),
      queue.seal(TABLE, telemetry("c"), { tauBlock: -1 }),
      queue.seal(TABLE, telemetry("d")),
    ]);
    const codes = results.map((result) =>
      result.status === "fulfilled" ? "sealed" : (result.reason as { code: string }).code,
    );
    expect(codes).toEqual([
      "sealed",
      "ROW_EXISTS",
      "ROW_INVALID",
      "ROW_INVALID",
      "ROW_INVALID",
      "sealed",
    ]);
    expect(verifiedRows(place.path, TABLE).map((row) => row["telemetry_id"])).toEqual(["a", "d"]);
  });

  it("keeps every chain whole whatever mixture it is given", async () => {
    const entry = fc.record({
      table: fc.constantFrom(TABLE, "substrate_developments", "nowhere"),
      id: fc.constantFrom("a", "b", "c", "d;", "", "e"),
      later: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 20 }), async (entries) => {
        using place = temporarySubstrate();
        await using queue = new SealQueue(place.substrate, { maxBatch: 3 });
        const seals: Promise<boolean>[] = [];
        for (const { table, id, later } of entries) {
          if (later) await new Promise((resolve) => setImmediate(resolve));
          const columns =
            table === TABLE ? telemetry(id) : { development_id: id, title: "t", stage: "s" };
          const seal = queue.seal(table, columns);
          seals.push(
            seal.then(
              () => true,
              () => false,
            ),
          );
        }
        const sealed = (await Promise.all(seals)).filter(Boolean).length;
        const stored = [TABLE, "substrate_developments"].map(
          (table) => verifiedRows(place.path, table).length,
        );
        expect(sealed).toBe((stored[0] ?? 0) + (stored[1] ?? 0));
      }),
      { numRuns: 25 },
    );
  });

  it("refuses more than it may hold", async () => {
    using place = temporarySubstrate();
    await using queue = new SealQueue(place.substrate, { maxPending: 2 });
    const accepted = [queue.seal(TABLE, telemetry("a")), queue.seal(TABLE, telemetry("b"))];
    await expect(queue.seal(TABLE, telemetry("c"))).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect(queue.pending).toBe(2);
    await Promise.all(accepted);
    await queue.seal(TABLE, telemetry("c"));
    expect(verifiedRows(place.path, TABLE)).toHaveLength(3);
  });

  it("seals what waits before it is closed, and nothing after", async () => {
    using place = temporarySubstrate();
    const queue = new SealQueue(place.substrate);
    const sealed = queue.seal(TABLE, telemetry("a"));
    const closing = queue.close();
    await expect(queue.seal(TABLE, telemetry("b"))).rejects.toMatchObject({ code: "CLOSED" });
    await closing;
    expect(queue.pending).toBe(0);
    expect((await sealed)["seq"]).toBe(1);
    await queue.close();
  });

  it("fails all of a transaction the disk has no room for, and works again afterwards", async () => {
    using place = scratch();
    openSubstrate(place.path, IDENTITY).close();
    const maxBytes = statSync(place.path).size + 4096 * 10;
    const small = openSubstrate(place.path, { ...IDENTITY, maxBytes });
    {
      await using queue = new SealQueue(small);
      const big = "x".repeat(3000);
      const results = await Promise.allSettled(
        Array.from({ length: 100 }, (_, n) => queue.seal(TABLE, telemetry(`t-${n}`, big))),
      );
      for (const result of results) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "DATABASE_FULL" } });
      }
      await queue.seal(TABLE, telemetry("small"));
    }
    small.close();
    expect(verifiedRows(place.path, TABLE)).toHaveLength(1);
  });

  it("rejects, and does not crash, when the database was closed under it", async () => {
    using place = temporarySubstrate();
    await using queue = new SealQueue(place.substrate);
    const sealed = queue.seal(TABLE, telemetry("a"));
    place.substrate.close();
    await expect(sealed).rejects.toMatchObject({ code: "CLOSED" });
  });

  it.each([0, -1, 1.5, Number.NaN])("takes no limit of %s", (maxPending) => {
    using place = temporarySubstrate();
    expect(() => new SealQueue(place.substrate, { maxPending })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
  });
});
