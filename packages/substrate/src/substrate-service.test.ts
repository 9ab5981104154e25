import { encodePortable } from "@gaiaftcl/canonical-json";
import type { RowRecord } from "@gaiaftcl/sealed-row";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALGORITHM_NAMES } from "./algorithms.js";
import { measure } from "./measurement.js";
import type { Outcome } from "./outcome.js";
import type { Substrate } from "./substrate.js";
import {
  insertRaw,
  qc020,
  temporarySubstrate,
  testService,
  verifiedCounts,
  verifiedRows,
} from "./substrate.testing.js";
import { SUBSTRATE_VERBS, type SubstrateService } from "./substrate-service.js";

const EVIDENCE = "qc020_joint_variation_evidence";
/** Small enough to be quick, large enough for every statistic to have something to say. */
const SMALL = { extranonce_count: 3, nonces_per_extranonce: 4096 };

describe("compose_qc020_measurement", () => {
  it("seals the published measurement, one row for each extranonce", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const outcome = await service.handle("compose_qc020_measurement", {
      ...SMALL,
      session_seed_hex: qc020.session_seed_hex,
    });
    expect(outcome).toMatchObject({
      status: "ok",
      session_seed_hex: qc020.session_seed_hex,
      extranonce_count: 3,
      nonces_per_extranonce: 4096,
      leading_zero_nibble_count: 4,
      best_hash_hex: qc020.rows[1]?.best_hash_hex,
    });
    const rows = verifiedRows(place.path, EVIDENCE);
    expect(rows.map(plain)).toEqual(
      qc020.rows.map(({ histogram, ...row }, index) => ({
        ...row,
        evidence_id: (outcome["evidence_ids"] as string[])[index],
        session_id: outcome["session_id"],
        session_seed_hex: qc020.session_seed_hex,
        histogram_json: JSON.stringify(histogram),
      })),
    );
  });

  it("takes 4 extranonces of 65,536 nonces and a new seed unless told otherwise", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const outcome = await service.handle("compose_qc020_measurement", {});
    expect(outcome).toMatchObject({ extranonce_count: 4, nonces_per_extranonce: 65_536 });
    const again = await service.handle("compose_qc020_measurement", SMALL);
    expect(again["session_seed_hex"]).toMatch(/^[0-9a-f]{64}$/);
    expect(again["session_seed_hex"]).not.toBe(outcome["session_seed_hex"]);
    expect(again["session_id"]).not.toBe(outcome["session_id"]);
  });

  it("takes its randomness from where it is told", async () => {
    using place = temporarySubstrate();
    const randomBytes = (size: number): Uint8Array => new Uint8Array(size).fill(7);
    await using service = testService(place.substrate, { randomBytes });
    const outcome = await service.handle("compose_qc020_measurement", SMALL);
    expect(outcome).toMatchObject({
      session_seed_hex: "07".repeat(32),
      session_id: `session-${"07".repeat(16)}`,
    });
  });

  it("tells how far it is", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const completed: number[] = [];
    await service.handle("compose_qc020_measurement", SMALL, {
      onProgress: (progress) => completed.push(progress.completed),
    });
    expect(completed).toEqual(completed.toSorted((a, b) => a - b));
    expect(completed.at(-1)).toBe(3 * 4096);
  });

  it("seals nothing when it is cancelled", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const controller = new AbortController();
    const outcome = await service.handle(
      "compose_qc020_measurement",
      { nonces_per_extranonce: 2 ** 20 },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    expect(outcome).toMatchObject({ status: "blocked", code: "CANCELLED" });
    expect(verifiedRows(place.path, EVIDENCE)).toEqual([]);
    const before = await service.handle("replay_session", { session_id: "s" }, controller);
    expect(before).toMatchObject({ status: "blocked", code: "CANCELLED" });
  });

  it("is blocked, not lost, while the database takes no rows", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    place.substrate.close();
    expect(await service.handle("compose_qc020_measurement", SMALL)).toMatchObject({
      status: "blocked",
      code: "CLOSED",
    });
  });
});

describe("the arguments of a verb", () => {
  it.each<[string, unknown]>([
    ["compose_qc020_measurement", null],
    ["compose_qc020_measurement", []],
    ["compose_qc020_measurement", "x"],
    ["compose_qc020_measurement", { other: 1 }],
    ["compose_qc020_measurement", { session_seed_hex: "ab" }],
    ["compose_qc020_measurement", { session_seed_hex: "AB".repeat(32) }],
    ["compose_qc020_measurement", { extranonce_count: 0 }],
    ["compose_qc020_measurement", { extranonce_count: 1.5 }],
    ["compose_qc020_measurement", { extranonce_count: "4" }],
    ["compose_qc020_measurement", { extranonce_count: 1025 }],
    ["compose_qc020_measurement", { nonces_per_extranonce: 2 ** 23 + 1 }],
    ["compose_qc020_measurement", { extranonce_count: 1024, nonces_per_extranonce: 8193 }],
    ["replay_session", {}],
    ["replay_session", { session_id: "" }],
    ["replay_session", { session_id: "a;b" }],
    ["replay_session", { session_id: 7 }],
    ["replay_session", { session_id: "s", more: true }],
    ["evaluate_algorithm", {}],
    ["evaluate_algorithm", { algorithm: "other" }],
    ["evaluate_algorithm", { algorithm: "constructor" }],
    ["evaluate_all_algorithms", { algorithm: "leading_zero_geometric" }],
    ["advance_production_submission_path", {}],
    ["advance_production_submission_path", { submission_id: "a|b" }],
    ["advance_production_submission_path", { submission_id: "x".repeat(256) }],
  ])("%s refuses %j", async (verb, args) => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const outcome = await service.handle(verb, args);
    expect(outcome).toMatchObject({ status: "refused", code: "ARGUMENTS_INVALID" });
    expect(Object.values(verifiedCounts(place.path))).toEqual(Array(7).fill(0));
  });

  it("may be anything at all: the outcome is a refusal in portable JSON", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constantFrom(...SUBSTRATE_VERBS), fc.string()),
        fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }),
        async (verb, args) => {
          // Without arguments it measures.
          fc.pre(verb !== "compose_qc020_measurement" || Object.keys(args ?? {}).length > 0);
          const outcome = await service.handle(verb, args);
          expect(outcome.status).not.toBe("ok");
          expect(() => encodePortable(outcome)).not.toThrow();
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(["", "heartbeat", "toString", "__proto__"])(
    "belong to no verb called %j",
    async (verb) => {
      using place = temporarySubstrate();
      await using service = testService(place.substrate);
      expect(await service.handle(verb, {})).toMatchObject({
        status: "refused",
        code: "VERB_UNKNOWN",
      });
    },
  );
});

describe("replay_session", () => {
  it("finds a session bit-exact and seals that, with the rows it looked at", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const sessionId = await compose(service);
    const outcome = await service.handle("replay_session", { session_id: sessionId });
    expect(outcome).toMatchObject({ status: "ok", bit_exact: true, rows: 3, differences: [] });
    const [row] = verifiedRows(place.path, "research_telemetry");
    expect(row).toMatchObject({
      telemetry_id: outcome["telemetry_id"],
      session_id: sessionId,
      metric: "replay_bit_exact",
      value_text: "true",
      witness_hash_sha256: outcome["witness_hash_sha256"],
    });
    expect(JSON.parse(row?.["detail_json"] as string)).toMatchObject({ rows: 3 });
  });

  it.each<[string, RowRecord]>([
    ["leading_zero_nibble_count", { leading_zero_nibble_count: 9 }],
    ["best_nonce", { best_nonce: 1 }],
    ["best_hash_hex", { best_hash_hex: "00".repeat(32) }],
    ["histogram_json", { histogram_json: "[4095,1]" }],
    ["histogram_json", { histogram_json: "nonsense" }],
    ["histogram_json", { histogram_json: "[1]" }],
  ])("finds a sealed %s that does not come out, and seals that", async (column, change) => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    sealEvidence(place.substrate, "s", change);
    const outcome = await service.handle("replay_session", { session_id: "s" });
    expect(outcome).toMatchObject({
      status: "ok",
      bit_exact: false,
      differences: [{ evidence_id: "s-0", column }],
    });
    expect(verifiedRows(place.path, "research_telemetry")[0]).toMatchObject({
      value_text: "false",
    });
  });

  it("accepts a histogram that another program wrote with blanks", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const { histogram } = measure({ ...RANGE, seedHex: SEED });
    sealEvidence(place.substrate, "s", { histogram_json: `[ ${histogram.join(" , ")} ]` });
    expect(await service.handle("replay_session", { session_id: "s" })).toMatchObject({
      bit_exact: true,
    });
  });

  it.each<[string, RowRecord]>([
    ["a seed of another length", { session_seed_hex: "ab" }],
    ["an extranonce beyond 32 bits", { cursor_extranonce: 2 ** 32 }],
    ["a negative nonce", { nonce_start: -1 }],
    ["no nonces", { nonce_count: 0 }],
    ["nonces beyond 32 bits", { nonce_start: 2 ** 32 - 1, nonce_count: 2 }],
    ["more nonces than one answer has time for", { nonce_count: 2 ** 23 + 1 }],
  ])("refuses to compute from %s", async (_, change) => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    sealEvidence(place.substrate, "s", change);
    for (const verb of ["replay_session", "evaluate_all_algorithms"]) {
      expect(await service.handle(verb, { session_id: "s" })).toMatchObject({
        status: "refused",
        code: "EVIDENCE_UNUSABLE",
      });
    }
    expect(verifiedRows(place.path, "research_telemetry")).toEqual([]);
  });

  it("refuses rows that do not verify", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const sessionId = await compose(service);
    // What somebody with the file in hand can do: the triggers are only SQL.
    insertRaw(
      place.path,
      `DROP TRIGGER ${EVIDENCE}_refuses_update; UPDATE ${EVIDENCE} SET best_nonce = 1 WHERE seq = 2`,
    );
    const outcome = await service.handle("replay_session", { session_id: sessionId });
    expect(outcome).toMatchObject({ status: "refused", code: "EVIDENCE_UNUSABLE" });
    expect(outcome["reason"]).toMatch(/witness/);
  });

  it("refuses a session there is not", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    expect(await service.handle("replay_session", { session_id: "s" })).toMatchObject({
      status: "refused",
      code: "SESSION_UNKNOWN",
    });
  });
});

describe("evaluate", () => {
  it.each(ALGORITHM_NAMES)(
    "%s of the newest session, sealed with its numbers",
    async (algorithm) => {
      using place = temporarySubstrate();
      await using service = testService(place.substrate);
      await compose(service);
      const sessionId = await compose(service);
      const outcome = await service.handle("evaluate_algorithm", { algorithm });
      expect(outcome).toMatchObject({ status: "ok", algorithm, session_id: sessionId });
      expect(outcome["statistic_text"]).toMatch(/^\d+\.\d{9}$/);
      expect(outcome["p_value_text"]).toMatch(/^[01]\.\d{12}$/);
      const p = Number(outcome["p_value_text"]);
      expect(outcome["verdict"]).toBe(p < 0.01 ? "inconsistent" : "consistent");
      const [row] = verifiedRows(place.path, "constitutional_evaluations");
      for (const name of ["evaluation_id", "statistic_text", "p_value_text", "verdict"]) {
        expect(row?.[name]).toBe(outcome[name]);
      }
    },
  );

  it("gives the published measurement the same numbers every time", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    await service.handle("compose_qc020_measurement", {
      ...SMALL,
      session_seed_hex: qc020.session_seed_hex,
    });
    const outcome = await service.handle("evaluate_all_algorithms", {});
    const evaluations = outcome["evaluations"] as readonly RowRecord[];
    // Chi-square by hand: 12,288 nonces in classes 0, 1, 2, "3 or more", from 11537 + 700 + 47 + 4.
    const total = 3 * 4096;
    const observed = [11_537, 700, 47, 4];
    const expected = [15 / 16, 15 / 256, 1 / 256].map((p) => p * total);
    const pooled = [observed[0] ?? 0, observed[1] ?? 0, 51];
    const chi = pooled.reduce(
      (sum, o, k) => sum + (o - (expected[k] ?? 0)) ** 2 / (expected[k] ?? 1),
      0,
    );
    expect(expected[2]).toBeGreaterThan(5);
    expect(evaluations.map((evaluation) => evaluation["algorithm"])).toEqual([...ALGORITHM_NAMES]);
    expect(Number(evaluations[0]?.["statistic_text"])).toBeCloseTo(chi, 8);
    expect(Number(evaluations[0]?.["p_value_text"])).toBeCloseTo(Math.exp(-chi / 2), 10);
  });

  it("is inconclusive about evidence that is too little, and seals why", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    await compose(service, { extranonce_count: 1, nonces_per_extranonce: 16 });
    const outcome = await service.handle("evaluate_all_algorithms", {});
    for (const evaluation of outcome["evaluations"] as readonly RowRecord[]) {
      expect(evaluation).toMatchObject({
        verdict: "inconclusive",
        statistic_text: null,
        p_value_text: null,
      });
      expect(evaluation["detail_json"]).toMatch(/reason/);
    }
    expect(verifiedRows(place.path, "constitutional_evaluations")).toHaveLength(3);
  });

  it("rejects evidence that does not follow the law", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    sealEvidence(place.substrate, "s", { histogram_json: "[2048,2048]" });
    expect(
      await service.handle("evaluate_algorithm", { algorithm: "leading_zero_geometric" }),
    ).toMatchObject({ verdict: "inconsistent", p_value_text: "0.000000000000" });
  });

  it("refuses evidence that was not computed, where it computes it again", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    sealEvidence(place.substrate, "s", { histogram_json: "[2048,2048]" });
    expect(
      await service.handle("evaluate_algorithm", { algorithm: "nonce_half_independence" }),
    ).toMatchObject({ status: "refused", code: "EVIDENCE_UNUSABLE" });
    sealEvidence(place.substrate, "t", { histogram_json: "[1]" });
    expect(
      await service.handle("evaluate_algorithm", { algorithm: "extranonce_homogeneity" }),
    ).toMatchObject({ status: "refused", code: "EVIDENCE_UNUSABLE" });
  });

  it("is blocked while there is no evidence, and refused for a session there is not", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    expect(await service.handle("evaluate_all_algorithms", {})).toMatchObject({
      status: "blocked",
      code: "EVIDENCE_MISSING",
    });
    expect(await service.handle("evaluate_all_algorithms", { session_id: "s" })).toMatchObject({
      status: "refused",
      code: "SESSION_UNKNOWN",
    });
  });
});

const SEED = "5a".repeat(32);
const RANGE = { extranonce: 0, nonceStart: 0, nonceCount: 4096 };

async function compose(service: SubstrateService, args: object = SMALL): Promise<string> {
  const outcome: Outcome = await service.handle("compose_qc020_measurement", args);
  return outcome["session_id"] as string;
}

/** A row as a correct program would seal it, but for the changes. */
function sealEvidence(substrate: Substrate, sessionId: string, change: RowRecord): void {
  const result = measure({ ...RANGE, seedHex: SEED });
  substrate.seal(EVIDENCE, {
    evidence_id: `${sessionId}-0`,
    session_id: sessionId,
    session_seed_hex: SEED,
    cursor_extranonce: RANGE.extranonce,
    nonce_start: RANGE.nonceStart,
    nonce_count: RANGE.nonceCount,
    leading_zero_nibble_count: result.leadingZeroNibbleCount,
    best_nonce: result.bestNonce,
    best_hash_hex: result.bestHashHex,
    histogram_json: JSON.stringify(result.histogram),
    ...change,
  });
}

/** The own columns of an evidence row, as the vectors have them. */
function plain(row: RowRecord): Record<string, unknown> {
  const own = Object.entries(row).slice(1, 11);
  return Object.fromEntries(
    own.map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}
