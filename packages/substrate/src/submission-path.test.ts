import type { RowRecord } from "@gaiaftcl/sealed-row";
import { describe, expect, it } from "vitest";
import type { Outcome } from "./outcome.js";
import { STAGES } from "./submission-stages.js";
import { openSubstrate } from "./substrate.js";
import { IDENTITY, temporarySubstrate, testService, verifiedRows } from "./substrate.testing.js";
import type { SubstrateService } from "./substrate-service.js";

const TABLE = "production_submissions";
/** The published seed: its evidence is consistent under all three algorithms. */
const MEASUREMENT = {
  extranonce_count: 3,
  nonces_per_extranonce: 4096,
  session_seed_hex: "065b377ef869d0f24d473ddd354728504e09f1b33c3f2433f8304a9a7943e879",
};

describe("advance_production_submission_path", () => {
  it("goes through all stages, one a call, as the evidence comes to be sealed", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    expect(await advance(service)).toMatchObject({ from_stage: null, to_stage: "drafted" });
    expect(await advance(service)).toMatchObject(refusal("evidence_bound", /session/));

    const session_id = await compose(service);
    expect(await advance(service, { session_id })).toMatchObject({ to_stage: "evidence_bound" });
    expect(await advance(service)).toMatchObject(refusal("replayed", /replay_session/));

    await service.handle("replay_session", { session_id });
    expect(await advance(service)).toMatchObject({ to_stage: "replayed" });
    const lacking = await advance(service);
    expect(lacking).toMatchObject(refusal("evaluated", /leading_zero_geometric/));
    expect(lacking["missing"]).toHaveLength(3);

    await service.handle("evaluate_algorithm", { algorithm: "nonce_half_independence" });
    expect((await advance(service))["missing"]).toHaveLength(2);
    await service.handle("evaluate_all_algorithms", { session_id });
    expect(await advance(service)).toMatchObject({ to_stage: "evaluated" });
    expect(await advance(service)).toMatchObject({
      status: "ok",
      from_stage: "evaluated",
      to_stage: "authorised",
      session_id,
    });
    expect(await advance(service)).toMatchObject({ status: "refused", code: "PATH_COMPLETE" });

    const rows = verifiedRows(place.path, TABLE);
    expect(rows.map((row) => row["to_stage"])).toEqual([...STAGES]);
    expect(rows.map((row) => row["from_stage"])).toEqual([null, ...STAGES.slice(0, -1)]);
    expect(rows.map((row) => row["session_id"])).toEqual([null, ...Array(4).fill(session_id)]);
  });

  it("keeps submissions apart", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const session_id = await compose(service);
    await advance(service, { session_id });
    await advance(service);
    expect(await advance(service, { submission_id: "other" })).toMatchObject({
      to_stage: "drafted",
      session_id: null,
    });
  });

  it("stays with the session it was bound to", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const [first, second] = [await compose(service), await compose(service)];
    await advance(service, { session_id: first });
    expect(await advance(service, { session_id: second })).toMatchObject({
      status: "refused",
      code: "SESSION_MISMATCH",
    });
    expect(await advance(service, { session_id: first })).toMatchObject({
      to_stage: "evidence_bound",
    });
  });

  it("binds no session there is not", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    expect(await advance(service, { session_id: "s" })).toMatchObject({
      status: "refused",
      code: "SESSION_UNKNOWN",
    });
    expect(verifiedRows(place.path, TABLE)).toEqual([]);
  });

  it("does not count a replay or an evaluation of less evidence than there is now", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const session_id = await compose(service);
    await service.handle("replay_session", { session_id });
    await service.handle("evaluate_all_algorithms", { session_id });
    await advance(service, { session_id });
    await advance(service);
    addEvidence(place.substrate, session_id);
    expect(await advance(service)).toMatchObject(refusal("replayed", /replay/));
    await service.handle("replay_session", { session_id });
    expect(await advance(service)).toMatchObject({ to_stage: "replayed" });
    expect((await advance(service))["missing"]).toHaveLength(3);
  });

  it("does not take a replay that was not bit-exact", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const session_id = await compose(service);
    addEvidence(place.substrate, session_id, { best_nonce: 4095 });
    await advance(service, { session_id });
    await advance(service);
    await service.handle("replay_session", { session_id });
    expect(await advance(service)).toMatchObject(refusal("replayed", /bit-exact/));
  });

  it("authorises nothing that a verdict speaks against, or that was never tested", async () => {
    for (const [verdict, isAuthorised] of [
      ["inconsistent", false],
      ["inconclusive", false],
      ["consistent", true],
    ] as const) {
      using place = temporarySubstrate();
      await using service = testService(place.substrate);
      const session_id = await compose(service);
      await service.handle("replay_session", { session_id });
      await service.handle("evaluate_all_algorithms", { session_id });
      await reachEvaluated(service, session_id);
      sealVerdict(place.substrate, "leading_zero_geometric", session_id, verdict);
      const outcome = await advance(service);
      expect(outcome.status).toBe(isAuthorised ? "ok" : "refused");
      if (!isAuthorised) expect(outcome).toMatchObject(refusal("authorised", RegExp(verdict)));
    }
  });

  it("authorises a session of one extranonce, which has no others to be compared with", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const session_id = await compose(service, { extranonce_count: 1 });
    await service.handle("replay_session", { session_id });
    await service.handle("evaluate_all_algorithms", { session_id });
    await reachEvaluated(service, session_id);
    expect(await advance(service)).toMatchObject({ to_stage: "authorised" });
  });

  it("refuses to go on from a stage it does not know, or from a row that does not verify", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    place.substrate.seal(TABLE, { transition_id: "t", submission_id: "sub-1", to_stage: "sent" });
    expect(await advance(service)).toMatchObject({
      status: "refused",
      code: "SUBMISSION_UNUSABLE",
    });
  });

  it("moves a submission once, when two processes advance it at the same time", async () => {
    using place = temporarySubstrate();
    using other = openSubstrate(place.path, IDENTITY);
    await using service = testService(place.substrate);
    await using second = testService(other);
    const outcomes = await Promise.all([advance(service), advance(second)]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["ok", "refused"]);
    expect(verifiedRows(place.path, TABLE)).toHaveLength(1);
  });
});

function advance(service: SubstrateService, args: object = {}): Promise<Outcome> {
  return service.handle("advance_production_submission_path", { submission_id: "sub-1", ...args });
}

async function compose(service: SubstrateService, change: object = {}): Promise<string> {
  const outcome = await service.handle("compose_qc020_measurement", { ...MEASUREMENT, ...change });
  return outcome["session_id"] as string;
}

async function reachEvaluated(service: SubstrateService, session_id: string): Promise<void> {
  await advance(service, { session_id });
  for (const stage of STAGES.slice(1, 4)) {
    expect(await advance(service)).toMatchObject({ to_stage: stage });
  }
}

function refusal(stage: string, reason: RegExp): object {
  return {
    status: "refused",
    code: "EVIDENCE_MISSING",
    stage,
    reason: expect.stringMatching(reason),
  };
}

/** One more row of the session, equal to its first but for the id, the extranonce and the changes. */
function addEvidence(
  substrate: ReturnType<typeof openSubstrate>,
  sessionId: string,
  change: RowRecord = {},
): void {
  const table = "qc020_joint_variation_evidence";
  const [row] = substrate.rowsAfter(table, 0, 1);
  const own = Object.entries(row ?? {}).slice(1, 11);
  substrate.seal(table, {
    ...Object.fromEntries(own),
    evidence_id: `${sessionId}-more`,
    ...change,
  });
}

/** The latest evaluation once more, with another verdict. */
function sealVerdict(
  substrate: ReturnType<typeof openSubstrate>,
  algorithm: string,
  sessionId: string,
  verdict: string,
): void {
  const table = "constitutional_evaluations";
  const [row] = substrate.select(`SELECT detail_json FROM ${table} WHERE algorithm = ?`, algorithm);
  substrate.seal(table, {
    evaluation_id: `again-${verdict}`,
    algorithm,
    session_id: sessionId,
    verdict,
    detail_json: row?.["detail_json"] ?? null,
  });
}
