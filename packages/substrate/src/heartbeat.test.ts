import { verifyRow } from "@gaiaftcl/sealed-row";
import { describe, expect, it } from "vitest";
import { runHeartbeats } from "./heartbeat-loop.js";
import {
  telemetry,
  temporarySubstrate,
  testService,
  until,
  verifiedRows,
} from "./substrate.testing.js";

const TABLE = "franklin_heartbeat_history";

describe("a heartbeat", () => {
  it("counts what was sealed since the one before, by whichever session", async () => {
    using place = temporarySubstrate();
    const { substrate } = place;
    const clock = (): Date => new Date("2026-11-20T00:01:00.000Z");
    await using first = testService(substrate, {
      daemonSessionId: "d-1",
      cadenceSeconds: 5,
      clock,
    });
    expect(first.heartbeat()).toMatchObject({
      tick_at_iso: "2026-11-20T00:01:00.000Z",
      daemon_session_id: "d-1",
      tick_cadence_seconds: 5,
      observations_count: 0,
      classifications_count: 0,
    });
    await first.handle("compose_qc020_measurement", {
      extranonce_count: 2,
      nonces_per_extranonce: 512,
    });
    await first.handle("evaluate_all_algorithms", {});
    await first.handle("advance_production_submission_path", { submission_id: "s" });
    substrate.seal("research_telemetry", telemetry("t-1"));
    for (const [id, status] of [
      ["c-1", "ok"],
      ["c-2", "refused"],
      ["c-3", "refused"],
    ] as const) {
      substrate.seal("franklin_commands", command(id, status));
    }
    await using second = testService(substrate, { daemonSessionId: "d-2" });
    const row = second.heartbeat();
    expect(row).toMatchObject({
      daemon_session_id: "d-2",
      tick_cadence_seconds: 60,
      observations_count: 3,
      classifications_count: 3,
      commission_proposals_count: 1,
      filtering_decisions_applied: 2,
      tuning_adjustments_applied: 0,
      tuning_adjustments_held: 0,
      game_evaluations_run: 0,
      healing_escalations_processed: 0,
    });
    expect(JSON.parse(row["substrate_state_summary_json"] as string)).toEqual({
      rows: {
        franklin_heartbeat_history: 1,
        qc020_joint_variation_evidence: 2,
        research_telemetry: 1,
        constitutional_evaluations: 3,
        substrate_developments: 0,
        production_submissions: 1,
        franklin_commands: 3,
      },
    });
    expect(second.heartbeat()).toMatchObject({
      observations_count: 0,
      filtering_decisions_applied: 0,
    });
    expect(verifyRow(TABLE, row).ok).toBe(true);
    expect(verifiedRows(place.path, TABLE)).toHaveLength(3);
  });

  it.each(["x", "[]", '{"rows":5}', '{"rows":{"research_telemetry":-7}}', null])(
    "counts from the beginning after one whose summary is %j",
    async (summary) => {
      using place = temporarySubstrate();
      await using service = testService(place.substrate);
      const { seq: _, ...row } = service.heartbeat();
      const own = Object.fromEntries(Object.entries(row).slice(0, 13));
      place.substrate.seal(TABLE, {
        ...own,
        heartbeat_id: "h",
        substrate_state_summary_json: summary,
      });
      place.substrate.seal("research_telemetry", telemetry("t-1"));
      expect(service.heartbeat()).toMatchObject({ observations_count: 1 });
    },
  );

  it("is sealed at once and then at its cadence, until it is told to stop", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate, { cadenceSeconds: 1 });
    const controller = new AbortController();
    let sealed = 0;
    const running = runHeartbeats(service, {
      signal: controller.signal,
      onSealed: () => {
        sealed += 1;
      },
    });
    expect(sealed).toBe(1);
    await until(() => sealed === 2);
    controller.abort();
    await running;
    expect(verifiedRows(place.path, TABLE)).toHaveLength(2);
    await runHeartbeats(service, { signal: controller.signal });
    expect(verifiedRows(place.path, TABLE)).toHaveLength(2);
  });

  it("is sealed whether or not anybody wants to be told", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate);
    const controller = new AbortController();
    const running = runHeartbeats(service, { signal: controller.signal });
    await until(() => place.substrate.lastSeq(TABLE) === 1);
    controller.abort();
    await running;
  });

  it("is tried again after one that could not be sealed", async () => {
    using place = temporarySubstrate();
    await using service = testService(place.substrate, { cadenceSeconds: 1 });
    const controller = new AbortController();
    const errors: unknown[] = [];
    place.substrate.close();
    const running = runHeartbeats(service, {
      signal: controller.signal,
      onError: (error) => errors.push(error),
    });
    await until(() => errors.length === 2);
    controller.abort();
    await running;
    expect(errors).toEqual([
      expect.objectContaining({ code: "CLOSED" }),
      expect.objectContaining({ code: "CLOSED" }),
    ]);
  });

  it("has a cadence of whole seconds, a day at most", () => {
    using place = temporarySubstrate();
    for (const cadenceSeconds of [0, 0.5, -1, 86_401]) {
      expect(() => testService(place.substrate, { cadenceSeconds })).toThrow(
        expect.objectContaining({ code: "OPTION_INVALID" }),
      );
    }
  });
});

function command(id: string, status: string): Record<string, string> {
  return {
    command_id: id,
    request_id: id,
    operator_context: "o",
    method: "m",
    args_json: "{}",
    status,
    outcome_json: "{}",
  };
}
