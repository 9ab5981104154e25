import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  MemoryTrustStore,
  SqliteTrustStore,
  type TrustKey,
  type TrustMark,
  type TrustStore,
} from "./trust-store.js";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gaiaftcl-trust-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const KEY: TrustKey = { module: "a.b", cellId: "c", domainId: "d", signed: true };
const mark = (second: number, hash = `hash of ${second}`): TrustMark => ({
  producedAtIso: new Date(second * 1000).toISOString().replace(".000Z", "Z"),
  witnessHash: hash,
});

const stores: readonly (readonly [string, () => TrustStore])[] = [
  ["in memory", () => new MemoryTrustStore()],
  ["in SQLite", () => new SqliteTrustStore(join(directory, "deep", "trust.sqlite"))],
];

describe.each(stores)("a trust store %s", (_, make) => {
  it("remembers the newest version and judges others by it", () => {
    const store = make();
    expect(store.admit(KEY, mark(5)).kind).toBe("first");
    expect(store.admit(KEY, mark(5)).kind).toBe("same");
    expect(store.admit(KEY, mark(7)).kind).toBe("newer");
    expect(store.admit(KEY, mark(6))).toEqual({ kind: "older", newest: mark(7) });
    expect(store.admit(KEY, mark(7, "another"))).toEqual({ kind: "other", newest: mark(7) });
    expect(store.admit(KEY, mark(7)).kind).toBe("same");
  });

  it("judges without remembering when told to", () => {
    const store = make();
    store.admit(KEY, mark(5), { record: false });
    expect(store.admit(KEY, mark(4)).kind).toBe("first");
  });

  it("keeps what differs in module, cell or domain apart, however the texts are put together", () => {
    const store = make();
    store.admit(KEY, mark(9));
    for (const other of [
      { ...KEY, module: "a" },
      { ...KEY, cellId: "cd", domainId: "" },
      { ...KEY, domainId: 'd","' },
      { ...KEY, module: "__proto__" },
    ]) {
      expect(store.admit(other, mark(1)).kind).toBe("first");
    }
  });

  it("holds signed versions against signed ones, and unsigned versions against all", () => {
    const store = make();
    const unsigned = { ...KEY, signed: false };
    store.admit(unsigned, mark(9));
    expect(store.admit(KEY, mark(5)).kind).toBe("first");
    expect(store.admit(unsigned, mark(6)).kind).toBe("older");
    store.admit(KEY, mark(20));
    expect(store.admit(unsigned, mark(12)).kind).toBe("older");
    expect(store.admit(unsigned, mark(20, "another")).kind).toBe("other");
    expect(store.admit(unsigned, mark(21)).kind).toBe("newer");
  });
});

describe("both trust stores", () => {
  it("judge alike, whatever they are asked", () => {
    let runs = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.constantFrom("x", "y"), fc.boolean(), fc.boolean()), {
          maxLength: 12,
        }),
        (questions) => {
          runs += 1;
          const memory = new MemoryTrustStore();
          const sqlite = new SqliteTrustStore(join(directory, `${runs}.sqlite`));
          for (const [second, hash, signed, record] of questions) {
            const key = { ...KEY, signed };
            expect(sqlite.admit(key, mark(second, hash), { record })).toEqual(
              memory.admit(key, mark(second, hash), { record }),
            );
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("a trust store that processes share", () => {
  const ADMIT = `
    const { SqliteTrustStore } = await import("@gaiaftcl/mesh-loader");
    const [path, first] = process.argv.slice(1);
    const store = new SqliteTrustStore(path);
    const key = { module: "m", cellId: "c", domainId: "d", signed: true };
    for (let round = 0; round < 20; round += 1) {
      const second = round * 4 + Number(first);
      const producedAtIso = new Date(second * 1000).toISOString().replace(".000Z", "Z");
      store.admit(key, { producedAtIso, witnessHash: String(second) });
    }`;

  it("ends with the newest version that any of them saw", async () => {
    const path = join(directory, "trust.sqlite");
    const run = promisify(execFile);
    const args = ["--input-type=module", "-e", ADMIT, path];
    await Promise.all(
      [0, 1, 2, 3].map((first) =>
        run(process.execPath, [...args, String(first)], { cwd: import.meta.dirname }),
      ),
    );
    const key = { module: "m", cellId: "c", domainId: "d", signed: true };
    expect(new SqliteTrustStore(path).admit(key, mark(0), { record: false })).toEqual({
      kind: "older",
      newest: { producedAtIso: "1970-01-01T00:01:19Z", witnessHash: "79" },
    });
  });
});
