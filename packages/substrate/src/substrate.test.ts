import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GENESIS_HASH, SEALED_TABLES, verifyRow } from "@gaiaftcl/sealed-row";
import {
  CONTEXTS,
  type Cosignature,
  cosignFacet,
  loadFederationKeys,
  type Seal,
} from "@gaiaftcl/witness";
import { privateKeyFromSeed, publicKeyOf, publicKeyToHex } from "@gaiaftcl/witness/ed25519";
import { describe, expect, it } from "vitest";
import { openSubstrate, type SealEntry } from "./substrate.js";
import {
  IDENTITY,
  scratch,
  telemetry,
  temporarySubstrate,
  verifiedCounts,
  verifiedRows,
} from "./substrate.testing.js";
import { SubstrateError } from "./substrate-error.js";

const TABLE = "research_telemetry";

describe("openSubstrate", () => {
  it("creates the file for its owner only, and missing directories too", () => {
    using place = scratch();
    const path = join(place.directory, "a", "b", "substrate.sqlite");
    using substrate = openSubstrate(path, IDENTITY);
    substrate.seal(TABLE, telemetry("t-1"));
    for (const file of readdirSync(dirname(path))) {
      expect(statSync(join(dirname(path), file)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(statSync(join(place.directory, "a")).mode & 0o777).toBe(0o700);
  });

  it("leaves nothing beside the database", () => {
    using place = scratch();
    openSubstrate(place.path, IDENTITY).close();
    expect(readdirSync(place.directory)).toEqual(["substrate.sqlite"]);
  });

  it("takes a file of its own away from group and others", () => {
    using place = scratch();
    openSubstrate(place.path, IDENTITY).close();
    chmodSync(place.path, 0o644);
    openSubstrate(place.path, IDENTITY).close();
    expect(statSync(place.path).mode & 0o777).toBe(0o600);
  });

  it("continues the chain of an earlier run", () => {
    using place = scratch();
    for (const id of ["t-1", "t-2", "t-3"]) {
      using substrate = openSubstrate(place.path, IDENTITY);
      substrate.seal(TABLE, telemetry(id));
    }
    expect(verifiedRows(place.path, TABLE)).toHaveLength(3);
  });

  it.each<[string, (path: string) => void]>([
    ["is empty", (path): void => truncateSync(path, 0)],
    ["ends in its first page", (path): void => truncateSync(path, 100)],
    ["ends at its first page", (path): void => truncateSync(path, 4096)],
    ["ends in the middle", (path): void => truncateSync(path, statSync(path).size - 4096 * 3)],
    ["lacks its last byte", (path): void => truncateSync(path, statSync(path).size - 1)],
    ["holds something else", (path): void => writeFileSync(path, "no database\n".repeat(4000))],
    ["lost its beginning", (path): void => overwrite(path, 0, Buffer.alloc(64))],
  ])("says that the file is damaged when it %s, and does not touch it", (_, damage) => {
    using place = scratch();
    using substrate = openSubstrate(place.path, IDENTITY);
    for (let n = 0; n < 50; n += 1) substrate.seal(TABLE, telemetry(`t-${n}`));
    substrate.close();
    damage(place.path);
    const size = statSync(place.path).size;
    expect(() => openSubstrate(place.path, IDENTITY)).toThrow(
      expect.objectContaining({ name: "SubstrateError", code: "DATABASE_DAMAGED" }),
    );
    expect(statSync(place.path).size).toBe(size);
  });

  it("refuses a path that is no place for a database", () => {
    using place = scratch();
    const directory = join(place.directory, "d");
    mkdirSync(directory);
    writeFileSync(join(place.directory, "file"), "");
    for (const path of [
      "relative.sqlite",
      "",
      "/a\0b",
      directory,
      join(place.directory, "file", "x"),
    ]) {
      expect(() => openSubstrate(path, IDENTITY)).toThrow(
        expect.objectContaining({ code: "PATH_INVALID" }),
      );
    }
  });

  it("refuses an identity that no row could have, before there is a file", () => {
    using place = scratch();
    expect(() => openSubstrate(place.path, { cellId: "a|b", domainId: "d" })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
    expect(existsSync(place.path)).toBe(false);
  });

  it.each([
    { busyTimeoutMs: -1 },
    { busyTimeoutMs: 2 ** 31 },
    { maxBytes: 0 },
    { maxBytes: Number.NaN },
    { synchronous: "off" as "full" },
  ])("refuses the option %j", (options) => {
    using place = scratch();
    expect(() => openSubstrate(place.path, { ...IDENTITY, ...options })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
    expect(existsSync(place.path)).toBe(false);
  });

  it("gives up on a database that another process keeps locked", () => {
    using place = temporarySubstrate({ busyTimeoutMs: 20 });
    using other = new DatabaseSync(place.path);
    other.exec("BEGIN IMMEDIATE");
    expect(() => place.substrate.seal(TABLE, telemetry("t-1"))).toThrow(
      expect.objectContaining({ code: "DATABASE_BUSY" }),
    );
    other.exec("ROLLBACK");
    place.substrate.seal(TABLE, telemetry("t-1"));
    expect(verifiedRows(place.path, TABLE)).toHaveLength(1);
  });
});

describe("seal", () => {
  it("returns the whole row, which verifies and is the one in the database", () => {
    using place = temporarySubstrate({ clock: () => new Date("2026-11-20T00:00:00.123Z") });
    const row = place.substrate.seal(TABLE, telemetry("t-1"), {
      leanArtifactPath: "Lean/Q.lean",
      tauBlock: 905_123n,
    });
    expect(row).toMatchObject({
      seq: 1,
      telemetry_id: "t-1",
      detail_json: null,
      cell_id: "cell-alpha",
      domain_id: "qc020",
      lean_artifact_path: "Lean/Q.lean",
      tau_block: 905_123,
      sealed_at_iso: "2026-11-20T00:00:00.123Z",
      nats_broadcast_at_iso: "2026-11-20T00:00:00.123Z",
      nats_subject_sealed: "gaiaftcl.substrate.research_telemetry.sealed",
    });
    expect(verifyRow(TABLE, row, { previous: GENESIS_HASH }).ok).toBe(true);
    const [stored] = place.substrate.rowsAfter(TABLE, 0, 10);
    expect({ ...stored }).toEqual({ ...row, seq: 1n, tau_block: 905_123n });
  });

  it("seals in every table, each with a chain of its own", () => {
    using place = temporarySubstrate();
    for (const round of [1, 2, 3]) {
      for (const table of SEALED_TABLES) {
        const columns = table.columns.map(({ name, type }) => [
          name,
          type === "TEXT" ? `${name}-${round}` : round,
        ]);
        place.substrate.seal(table.name, Object.fromEntries(columns));
      }
    }
    expect(Object.values(verifiedCounts(place.path))).toEqual(Array(7).fill(3));
  });

  it("never seals a row before the one it follows, even when the clock is set back", () => {
    const times = [
      "2026-11-20T00:00:02.000Z",
      "2026-11-20T00:00:01.000Z",
      "2026-11-20T00:00:03.000Z",
    ];
    let tick = 0;
    using place = temporarySubstrate({ clock: () => new Date(times[tick++] ?? 0) });
    const sealed = ["t-1", "t-2", "t-3"].map(
      (id) => place.substrate.seal(TABLE, telemetry(id))["sealed_at_iso"],
    );
    expect(sealed).toEqual([times[0], times[0], times[2]]);
    expect(verifiedRows(place.path, TABLE)).toHaveLength(3);
  });

  it.each<[string, string, () => SealEntry]>([
    [
      "a table there is not",
      "ROW_INVALID",
      (): SealEntry => ({ table: "sqlite_schema", columns: {} }),
    ],
    ["a missing column", "ROW_INVALID", (): SealEntry => ({ table: TABLE, columns: {} })],
    [
      "a column too many",
      "ROW_INVALID",
      (): SealEntry => ({ table: TABLE, columns: { ...telemetry("x"), seq: 9 } }),
    ],
    [
      "an id that is taken",
      "ROW_EXISTS",
      (): SealEntry => ({ table: TABLE, columns: telemetry("t-0") }),
    ],
    [
      "a path that no facet can have",
      "ROW_INVALID",
      (): SealEntry => ({
        table: TABLE,
        columns: telemetry("x"),
        extra: { leanArtifactPath: "a|b" },
      }),
    ],
  ])("refuses %s, and nothing of it stays", (_, code, entry) => {
    using place = temporarySubstrate();
    place.substrate.seal(TABLE, telemetry("t-0"));
    const { table, columns, extra } = entry();
    expect(() => place.substrate.seal(table, columns, extra)).toThrow(
      expect.objectContaining({ name: "SubstrateError", code }),
    );
    place.substrate.seal(TABLE, telemetry("t-1"));
    expect(verifiedRows(place.path, TABLE)).toHaveLength(2);
  });

  it("seals all entries or none", () => {
    using place = temporarySubstrate();
    const entries = ["a", "b", "a"].map((id) => ({ table: TABLE, columns: telemetry(id) }));
    expect(() => place.substrate.sealAll(entries)).toThrow(SubstrateError);
    expect(place.substrate.lastSeq(TABLE)).toBe(0);
    expect(place.substrate.sealAll(entries.slice(0, 2)).map((row) => row["seq"])).toEqual([1, 2]);
    expect(verifiedRows(place.path, TABLE)).toHaveLength(2);
  });

  it("takes nothing back when what composes the rows fails", () => {
    using place = temporarySubstrate();
    const failure = new RangeError("no");
    expect(() =>
      place.substrate.sealWith(() => {
        throw failure;
      }),
    ).toThrow(failure);
    place.substrate.seal(TABLE, telemetry("t-1"));
  });

  it("fails clearly when the database is full, and works again when there is room", () => {
    using place = scratch();
    openSubstrate(place.path, IDENTITY).close();
    const size = statSync(place.path).size;
    const small = openSubstrate(place.path, { ...IDENTITY, maxBytes: size + 4096 * 10 });
    const big = "x".repeat(2000);
    let sealed = 0;
    expect(() => {
      for (;;) {
        small.seal(TABLE, telemetry(`t-${sealed}`, big));
        sealed += 1;
      }
    }).toThrow(expect.objectContaining({ code: "DATABASE_FULL" }));
    expect(sealed).toBeGreaterThan(2);
    expect(() => small.seal(TABLE, telemetry("again", big))).toThrow(
      expect.objectContaining({ code: "DATABASE_FULL" }),
    );
    expect(small.checkIntegrity()).toEqual([]);
    small.close();

    using substrate = openSubstrate(place.path, IDENTITY);
    substrate.seal(TABLE, telemetry("later", big));
    expect(verifiedRows(place.path, TABLE)).toHaveLength(sealed + 1);
  });

  it("refuses to follow a row that was not sealed", () => {
    using place = temporarySubstrate();
    using database = new DatabaseSync(place.path);
    database.exec(
      `INSERT INTO research_telemetry (telemetry_id, metric, cell_id, domain_id, sealed_at_iso,
         canonical_witness, witness_hash_sha256, signature_quintet)
       VALUES ('t', 'm', 'c', 'd', 'now', 'w', 'h', '[]')`,
    );
    expect(() => place.substrate.seal(TABLE, telemetry("t-1"))).toThrow(
      expect.objectContaining({ code: "DATABASE_DAMAGED" }),
    );
    place.substrate.seal("franklin_commands", COMMAND);
  });

  it("says that it was closed", () => {
    using place = temporarySubstrate();
    place.substrate.close();
    place.substrate.close();
    const { substrate } = place;
    for (const use of [
      (): unknown => substrate.seal(TABLE, telemetry("t")),
      (): unknown => substrate.rowsAfter(TABLE, 0, 1),
      (): unknown => substrate.select("SELECT 1"),
      (): unknown => substrate.checkIntegrity(),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: "CLOSED" }));
    }
  });

  it("tells its listeners once for each transaction that added rows, until they leave", () => {
    using place = temporarySubstrate();
    let calls = 0;
    const leave = place.substrate.onSealed(() => {
      calls += 1;
    });
    place.substrate.sealAll(["a", "b"].map((id) => ({ table: TABLE, columns: telemetry(id) })));
    place.substrate.sealWith(() => []);
    expect(() => place.substrate.seal(TABLE, telemetry("a"))).toThrow();
    expect(calls).toBe(1);
    leave();
    place.substrate.seal(TABLE, telemetry("c"));
    expect(calls).toBe(1);
  });
});

describe("select", () => {
  it("reads, and refuses everything else", () => {
    using place = temporarySubstrate();
    expect(place.substrate.select("SELECT ? AS n", 2n ** 60n)).toEqual([
      expect.objectContaining({ n: 2n ** 60n }),
    ]);
    for (const sql of [
      "DELETE FROM research_telemetry",
      "PRAGMA user_version = 7",
      "WITH x AS (SELECT 1) DELETE FROM y",
    ]) {
      expect(() => place.substrate.select(sql)).toThrow(
        expect.objectContaining({ code: "OPTION_INVALID" }),
      );
    }
  });
});

describe("cosignatures", () => {
  it("stand beside the row and bring it to the level signed", () => {
    using place = temporarySubstrate();
    const row = place.substrate.seal(TABLE, telemetry("t-1"));
    const hash = row["witness_hash_sha256"] as string;
    const seal = {
      canonicalWitness: row["canonical_witness"],
      witnessHash: hash,
      quintet: JSON.parse(row["signature_quintet"] as string),
    } as Seal;
    const keys = CONTEXTS.map((_, n) => privateKeyFromSeed(new Uint8Array(32).fill(n + 1)));
    CONTEXTS.forEach((context, n) => {
      const cosignature = cosignFacet(IDENTITY, seal, context, keys[n] as (typeof keys)[number]);
      place.substrate.addCosignature(hash, cosignature);
      place.substrate.addCosignature(hash, cosignature);
    });
    const cosignatures = place.substrate.cosignaturesOf(hash);
    expect(cosignatures).toHaveLength(5);
    const lines = CONTEXTS.map(
      (context, n) =>
        `${context} = "${publicKeyToHex(publicKeyOf(keys[n] as (typeof keys)[number]))}"`,
    );
    const report = verifyRow(TABLE, row, {
      keys: loadFederationKeys(`[public_keys]\n${lines.join("\n")}`),
      cosignatures,
    });
    expect(report).toMatchObject({ ok: true, level: "signed" });
  });

  it.each<[string, Partial<Cosignature>, string?]>([
    ["no row", {}, "0".repeat(64)],
    ["a hash that is none", {}, "x"],
    ["a context that is none", { context: "other" as Cosignature["context"] }],
    ["a key in another form", { publicKey: "AB".repeat(32) }],
    ["a signature in another form", { signature: "=".repeat(86) }],
    ["a signature with loose bits", { signature: "B".repeat(86) }],
  ])("are refused for %s", (_, change, hash) => {
    using place = temporarySubstrate();
    const row = place.substrate.seal(TABLE, telemetry("t-1"));
    const cosignature: Cosignature = {
      context: "cell_id",
      publicKey: "ab".repeat(32),
      signature: "A".repeat(86),
      ...change,
    };
    const target = hash ?? String(row["witness_hash_sha256"]);
    expect(() => place.substrate.addCosignature(target, cosignature)).toThrow(
      expect.objectContaining({ code: "COSIGNATURE_INVALID" }),
    );
    expect(place.substrate.cosignaturesOf(target)).toEqual([]);
  });
});

const COMMAND = {
  command_id: "c-1",
  request_id: "r-1",
  operator_context: "o",
  method: "m",
  args_json: "{}",
  status: "ok",
  outcome_json: "{}",
};

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const content = readFileSync(path);
  content.set(bytes, at);
  writeFileSync(path, content);
}
