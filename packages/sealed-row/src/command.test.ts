import { cosign, type Sha256Hex, sealWitness } from "@gaiaftcl/witness";
import { privateKeyFromSeed } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Command, commandRow, type ResponseInput, verifyResponse } from "./command.js";
import { GENESIS_HASH } from "./row-witness.js";
import { sealRow } from "./seal-row.js";

const request = {
  requestId: "r-1",
  operatorContext: "operator-alpha",
  method: "evaluate_algorithm",
  args: { session_id: "s-1", algorithm: "nonce_half_independence" },
};
const outcome = { status: "ok", verdict: "consistent" };

describe("a command row", () => {
  it("stores arguments and outcome as canonical JSON", () => {
    expect(commandRow({ ...request, commandId: "c-1", outcome })).toEqual({
      command_id: "c-1",
      request_id: "r-1",
      operator_context: "operator-alpha",
      method: "evaluate_algorithm",
      args_json: '{"algorithm":"nonce_half_independence","session_id":"s-1"}',
      status: "ok",
      outcome_json: '{"status":"ok","verdict":"consistent"}',
    });
  });

  it.each<[string, Partial<Command>]>([
    ["an outcome without status", { outcome: {} }],
    ["an outcome that is null", { outcome: null }],
    ["a status that is no text", { outcome: { status: 1 } }],
    ["arguments without a JSON form", { args: { at: Number.NaN } }],
    ["arguments that are missing", { args: undefined }],
  ])("is not made of %s", (_, change) => {
    expect(() => commandRow({ ...request, commandId: "c-1", outcome, ...change })).toThrow(
      expect.objectContaining({ name: "SealedRowError", code: "COMMAND_INVALID" }),
    );
  });
});

describe("verifyResponse", () => {
  it("accepts the response to the request that was sent", () => {
    expect(verifyResponse(exchange())).toMatchObject({
      ok: true,
      level: "facets",
      table: "franklin_commands",
      id: "c-1",
    });
  });

  it.each<[string, (input: ResponseInput) => ResponseInput]>([
    [
      "another request id",
      (input) => ({ ...input, request: { ...input.request, requestId: "r-2" } }),
    ],
    ["another method", (input) => ({ ...input, request: { ...input.request, method: "x" } })],
    ["other arguments", (input) => ({ ...input, request: { ...input.request, args: {} } })],
    [
      "another operator",
      (input) => ({ ...input, request: { ...input.request, operatorContext: "b" } }),
    ],
    ["another outcome", (input) => respond(input, { outcome: { status: "ok", verdict: "x" } })],
    ["an outcome without status", (input) => respond(input, { outcome: 1 })],
    [
      "an outcome without a JSON form",
      (input) => respond(input, { outcome: { status: "ok", n: Number.NaN } }),
    ],
    ["another hash", (input) => respond(input, { witnessHash: "0".repeat(64) })],
    ["no witness", (input) => respond(input, { canonicalWitness: "" })],
    [
      "a witness of another table",
      (input) =>
        respond(input, {
          canonicalWitness: input.response.canonicalWitness.replace(
            "franklin_commands",
            "research_telemetry",
          ),
        }),
    ],
    [
      "a changed witness",
      (input) =>
        respond(input, {
          canonicalWitness: input.response.canonicalWitness.replace("cell-alpha", "cell-beta"),
        }),
    ],
    [
      "four facets",
      (input) => respond(input, { signatureQuintet: input.response.signatureQuintet.slice(1) }),
    ],
    [
      "facets in another order",
      (input) => respond(input, { signatureQuintet: input.response.signatureQuintet.toReversed() }),
    ],
  ])("refuses %s", (_, change) => {
    const report = verifyResponse(change(exchange()));
    expect(report.ok).toBe(false);
    expect(report.summary).toMatch(/failed/);
  });

  it("takes entries that were cosigned", () => {
    const input = exchange();
    const identity = { cellId: "cell-alpha", domainId: "qc020" };
    const seal = sealWitness(identity, input.response.canonicalWitness, "facet");
    const key = privateKeyFromSeed(new Uint8Array(32).fill(7));
    const { quintet } = cosign(identity, seal, "domain_id", key);
    expect(verifyResponse(respond(input, { signatureQuintet: quintet })).ok).toBe(true);
  });

  it("returns a report for any response at all", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(
        fc.jsonValue(),
        text,
        text,
        fc.array(text),
        (...[value, witness, hash, quintet]) => {
          const response = {
            outcome: value,
            canonicalWitness: witness,
            witnessHash: hash,
            signatureQuintet: quintet,
          };
          expect(verifyResponse({ request, response }).ok).toBe(false);
        },
      ),
    );
  });
});

function exchange(): ResponseInput {
  const row = sealRow("franklin_commands", {
    columns: commandRow({ ...request, commandId: "c-1", outcome }),
    cellId: "cell-alpha",
    domainId: "qc020",
    sealedAtIso: "2026-11-20T00:00:00.000Z",
    previous: GENESIS_HASH,
  });
  return {
    request,
    response: {
      outcome,
      canonicalWitness: row["canonical_witness"] as string,
      witnessHash: row["witness_hash_sha256"] as Sha256Hex,
      signatureQuintet: JSON.parse(row["signature_quintet"] as string) as string[],
    },
  };
}

function respond(input: ResponseInput, change: Partial<ResponseInput["response"]>): ResponseInput {
  return { ...input, response: { ...input.response, ...change } };
}
