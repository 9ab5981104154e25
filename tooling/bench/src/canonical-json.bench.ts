import { createHash } from "node:crypto";
import { decode, encode, encodePortable } from "@gaiaftcl/canonical-json";
import canonicalize from "canonicalize";
import { stringify as stableStringify } from "safe-stable-stringify";
import {
  type Benchmark,
  type BenchmarkContext,
  type Comparison,
  compareDurations,
  median,
} from "./benchmark.ts";

/**
 * The figures aimed for. The two peers do less: `canonicalize` checks numbers and surrogates,
 * `safe-stable-stringify` checks neither and leaves its text in pieces; none of them reads a
 * property only once. `JSON.stringify` and `JSON.parse` are the floor, so their targets are below 1.
 */
const TARGETS = {
  unsorted: { canonicalize: 2, "safe-stable-stringify": 1.3 },
  sorted: { canonicalize: 2.5, "safe-stable-stringify": 2.5, "JSON.stringify": 1 / 1.8 },
  decode: 1 / 4,
} as const;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Payloads of the kinds that the cell encodes, with their keys as programs write them. */
function payloads(): Readonly<Record<string, Json>> {
  return {
    frame: {
      request_id: "3f1c9a52-7a0e-4a0b-9a57-0c6a2d0f6f11",
      outcome: {
        status: "ok",
        session_id: "session-0007",
        evidence: ["e1", "e2", "e3", "e4"],
        rows_sealed: 4,
        nonces: 65_536,
      },
      canonical_witness: witness("franklin_commands", "c-1"),
      witness_hash: digest("frame"),
      signature_quintet: quintet(),
    },
    "manifest of 1,000 artifacts": {
      manifest_version: "1.0",
      produced_at_iso: "2026-06-01T11:30:00Z",
      cell_id: "gaiaftcl-mac-cell",
      domain_id: "python-wrappers",
      artifacts: Array.from({ length: 1_000 }, (_, n) => ({
        path: `gaiaftcl/bridges/numpy_bridge/lib/module_${String(n).padStart(4, "0")}.js`,
        sha256: digest(`artifact ${n}`),
        bytes: 100 + n * 37,
      })),
      canonical_witness: `manifest;cell=gaiaftcl-mac-cell;count=1000;artifacts_digest=${digest("a")}`,
      witness_hash_sha256: digest("manifest"),
      signature_quintet: quintet(),
    },
    row: {
      table: "franklin_heartbeat_history",
      row: {
        seq: 17,
        heartbeat_id: "hb-000017",
        tick_at_iso: "2026-11-20T00:17:00.000Z",
        daemon_session_id: "d-3f1c9a52",
        tick_cadence_seconds: 60,
        observations_count: 120,
        classifications_count: 118,
        commission_proposals_count: 2,
        tuning_adjustments_applied: 1,
        tuning_adjustments_held: 0,
        filtering_decisions_applied: 7,
        game_evaluations_run: 3,
        healing_escalations_processed: 0,
        substrate_state_summary_json: '{"rows":{"franklin_commands":12,"research_telemetry":40}}',
        cell_id: "gaiaftcl-mac-cell",
        domain_id: "python-wrappers",
        lean_artifact_path: null,
        tau_block: null,
        sealed_at_iso: "2026-11-20T00:17:00.001Z",
        nats_broadcast_at_iso: "2026-11-20T00:17:00.001Z",
        canonical_witness: witness("franklin_heartbeat_history", "hb-000017"),
        witness_hash_sha256: digest("row"),
        signature_quintet: JSON.stringify(quintet()),
        nats_subject_sealed: "gaiaftcl.substrate.franklin_heartbeat.sealed",
      },
    },
    deep: deep(30),
    wide: wide(120),
    // An object that engines keep as a hash table: `JSON.stringify` itself is not 2.5 times as fast as
    // the peers there, so that only part of the targets can be met.
    "1,000 keys": wide(1_000),
  };
}

function wide(keys: number): Json {
  return Object.fromEntries(
    Array.from({ length: keys }, (_, n) => [
      `module_${(n * 7_919) % keys}.metric`,
      n % 3 === 0 ? n * 11 : n % 3 === 1 ? `value of ${n}` : n / 8,
    ]),
  );
}

function deep(levels: number): Json {
  let value: Json = { name: "leaf", kind: "module", children: [] };
  for (let level = 0; level < levels; level += 1) {
    value = {
      name: `level-${level}`,
      kind: "module",
      weight: level,
      children: [value],
      digest: digest(`level ${level}`),
    };
  }
  return value;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function quintet(): string[] {
  return Array.from({ length: 5 }, (_, n) => `selfsigned:${digest(`entry ${n}`)}`);
}

function witness(table: string, id: string): string {
  return `sealed;table=${table};cell=gaiaftcl-mac-cell;domain=python-wrappers;at=2026-11-20T00:17:00.001Z;id=${id};prev=${digest("p")};payload_digest=${digest("d")}`;
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] as Json)]));
}

/** As a value is after it was read from a file, a socket or a database. */
function read(value: Json): Json {
  return JSON.parse(JSON.stringify(value));
}

const BATCH_MILLISECONDS = 0.5;

/**
 * The median duration of one call in microseconds. The calls take too little to be timed one by one,
 * so each contestant runs in batches, and the batches alternate as fast as they can, since the speed
 * of a shared machine changes from one moment to the next.
 */
function medianMicroseconds<Name extends string>(
  contestants: Readonly<Record<Name, () => unknown>>,
  context: BenchmarkContext,
): Record<Name, number> {
  const names = Object.keys(contestants) as Name[];
  const samples = new Map<Name, number[]>(names.map((name) => [name, []]));
  const calls = new Map(names.map((name) => [name, callsPerBatch(contestants[name])]));
  for (let round = 0; round < (context.quick ? 20 : 200); round += 1) {
    for (const name of names) {
      const call = contestants[name];
      const count = calls.get(name) as number;
      const start = performance.now();
      for (let index = 0; index < count; index += 1) call();
      samples.get(name)?.push(((performance.now() - start) * 1_000) / count);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(samples.get(name) ?? [])])) as Record<
    Name,
    number
  >;
}

/** Also warms the call up. */
function callsPerBatch(call: () => unknown): number {
  for (let index = 0; index < 300; index += 1) call();
  let count = 0;
  const start = performance.now();
  while (performance.now() - start < 10 * BATCH_MILLISECONDS) {
    call();
    count += 1;
  }
  return Math.max(1, Math.round(count / 10));
}

function encodeComparisons(
  order: "unsorted" | "sorted",
  context: BenchmarkContext,
): readonly Comparison[] {
  return Object.entries(payloads()).flatMap(([name, payload]) => {
    const value = read(order === "sorted" ? sorted(payload) : payload);
    const expected = canonicalize(value);
    if (encode(value) !== expected) throw new Error(`${name}: the encoders disagree`);
    const took = medianMicroseconds(
      {
        encode: () => encode(value),
        canonicalize: () => canonicalize(value),
        "safe-stable-stringify": () => stableStringify(value),
        "JSON.stringify": () => JSON.stringify(value),
      },
      context,
    );
    return Object.entries(TARGETS[order]).map(([peer, target]) =>
      compareDurations(
        `encode, ${name}, ${order}`,
        peer,
        took.encode,
        took[peer as keyof typeof took],
        { unit: "µs", target },
      ),
    );
  });
}

function decodeComparisons(context: BenchmarkContext): readonly Comparison[] {
  return Object.entries(payloads()).flatMap(([name, payload]) =>
    [undefined, 2].map((indent) => {
      const text = JSON.stringify(payload, null, indent);
      const bytes = new TextEncoder().encode(text);
      const took = medianMicroseconds(
        { decode: () => decode(bytes), "JSON.parse": () => JSON.parse(text) },
        context,
      );
      return compareDurations(
        `decode bytes, ${name}, ${indent === undefined ? "compact" : "indented"}`,
        "JSON.parse of the text",
        took.decode,
        took["JSON.parse"],
        { unit: "µs", target: TARGETS.decode },
      );
    }),
  );
}

/** What hashing and signing go through, for the two payloads without fractions that are small. */
function portableComparisons(context: BenchmarkContext): readonly Comparison[] {
  return ["frame", "row"].map((name) => {
    const value = read(payloads()[name] as Json);
    const took = medianMicroseconds(
      { ours: () => encodePortable(value), theirs: () => canonicalize(value) },
      context,
    );
    return compareDurations(
      `encodePortable, ${name}, unsorted`,
      "canonicalize",
      took.ours,
      took.theirs,
      { unit: "µs", target: TARGETS.unsorted.canonicalize },
    );
  });
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: "encode values whose keys are out of order",
    run: async (context) => ({ comparisons: encodeComparisons("unsorted", context) }),
  },
  {
    name: "encode values whose keys are in order",
    run: async (context) => ({ comparisons: encodeComparisons("sorted", context) }),
  },
  {
    name: "encode what is hashed or signed",
    run: async (context) => ({ comparisons: portableComparisons(context) }),
  },
  {
    name: "decode",
    run: async (context) => ({ comparisons: decodeComparisons(context) }),
  },
];
