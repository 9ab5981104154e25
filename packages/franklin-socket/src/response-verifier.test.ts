import { encode } from "@gaiaftcl/canonical-json";
import { CONTEXTS, cosign, federationKeys, type Seal } from "@gaiaftcl/witness";
import { generateKeyPair } from "@gaiaftcl/witness/ed25519";
import { describe, expect, it } from "vitest";
import { MemorySealer } from "./cell.testing.js";
import { type Answer, ClientDesk, closedWith } from "./client-desk.testing.js";
import { type ResponseSeal, responseText } from "./message.js";

describe("a response", () => {
  it("that is sealed for the request comes out with its report and seal", () => {
    const desk = ClientDesk.open();
    desk.session.request("r1", "m", { b: 1.5, a: "é" });
    expect(desk.heard()).toEqual([{ request_id: "r1", method: "m", args: { b: 1.5, a: "é" } }]);
    expect(desk.say(desk.response("r1", { args: { b: 1.5, a: "é" } }))).toMatchObject([
      {
        type: "response",
        response: {
          requestId: "r1",
          outcome: { status: "ok" },
          commandId: "c1",
          cellId: "test-cell",
          domainId: "test-domain",
          report: { ok: true, level: "facets" },
        },
      },
    ]);
  });

  it("may come in another order than the requests", () => {
    const desk = ClientDesk.open();
    for (const id of ["r1", "r2", "r3"]) desk.session.request(id, "m", {});
    const events = desk.say(...["r3", "r1", "r2"].map((id) => desk.response(id)));
    expect(events.map((event) => event.type === "response" && event.response.requestId)).toEqual([
      "r3",
      "r1",
      "r2",
    ]);
    expect(desk.session.outstanding).toBe(0);
  });

  it("is checked against the arguments as they were when they were sent", () => {
    const desk = ClientDesk.open();
    const args = { list: [1] };
    desk.session.request("r1", "m", args);
    args.list.push(2);
    expect(desk.say(desk.response("r1", { args: { list: [1] } }))).toMatchObject([
      { type: "response" },
    ]);
  });

  it("to nothing that was asked ends the session, also if it was asked and answered before", () => {
    const desk = ClientDesk.open();
    expect(desk.say(desk.response("r1"))).toEqual(closedWith("RESPONSE_UNKNOWN"));
    const replayed = ClientDesk.open();
    replayed.session.request("r1", "m", {});
    const text = replayed.response("r1");
    expect(replayed.say(text, text)).toMatchObject([
      { type: "response" },
      { type: "closed", error: { code: "RESPONSE_UNKNOWN" } },
    ]);
  });

  it.each<[string, Partial<Answer>]>([
    ["of another request", { sealedRequestId: "r0" }],
    ["of another verb", { method: "other" }],
    ["of other arguments", { args: { a: 1 } }],
    ["of another operator", { operatorContext: "bob" }],
    ["of another outcome", { sentOutcome: { status: "ok", extra: true } }],
    ["with another hash", { change: (seal) => ({ ...seal, witnessHash: "0".repeat(64) }) }],
    ["with an upper-case hash", { change: upperCaseHash }],
    ["with another witness", { change: (seal) => ({ ...seal, canonicalWitness: "sealed" }) }],
    ["with a witness of another table", { change: otherTable }],
    ["without a witness", { change: (seal) => ({ ...seal, canonicalWitness: "" }) }],
    ["with a facet of something else", { change: (seal) => withEntry(seal, "0".repeat(64)) }],
    ["with a foreign entry", { change: (seal) => withEntry(seal, "selfsigned:me") }],
    ["with four entries", { change: (seal) => ({ ...seal, quintet: seal.quintet.slice(1) }) }],
    ["with six entries", { change: (seal) => ({ ...seal, quintet: [...seal.quintet, "x"] }) }],
  ])("%s ends the session, with a report", (_, changes) => {
    const desk = ClientDesk.open();
    desk.session.request("r1", "m", {});
    const [event] = desk.say(desk.response("r1", changes));
    expect(event).toMatchObject({ type: "closed", error: { code: "RESPONSE_UNVERIFIED" } });
    const report = event?.type === "closed" ? event.error.report : undefined;
    expect(report).toMatchObject({ ok: false, summary: expect.any(String) });
  });

  it("swapped with that of another request in flight is caught", () => {
    const desk = ClientDesk.open();
    desk.session.request("r1", "m", {});
    desk.session.request("r2", "m", {});
    const swapped = desk.response("r1", { sealedRequestId: "r2" });
    expect(desk.say(swapped)).toEqual(closedWith("RESPONSE_UNVERIFIED"));
  });

  it("sealed before one that had come when the request was sent is caught", () => {
    const desk = ClientDesk.open();
    desk.sealer.times.push("2026-01-01T00:00:02.000Z", "2026-01-01T00:00:01.999Z");
    desk.session.request("r1", "m", {});
    expect(desk.say(desk.response("r1"))).toMatchObject([{ type: "response" }]);
    desk.session.request("r2", "m", {});
    expect(desk.say(desk.response("r2"))).toEqual(closedWith("RESPONSE_UNVERIFIED"));
  });

  it("sealed before one that came while both were in flight is fine", () => {
    const desk = ClientDesk.open();
    desk.sealer.times.push("2026-01-01T00:00:02.000Z", "2026-01-01T00:00:01.000Z");
    desk.session.request("r1", "m", {});
    desk.session.request("r2", "m", {});
    expect(desk.say(desk.response("r1"), desk.response("r2"))).toMatchObject([
      { type: "response" },
      { type: "response" },
    ]);
  });

  it("of another cell than the ones before is caught", () => {
    const desk = ClientDesk.open();
    desk.session.request("r1", "m", {});
    desk.say(desk.response("r1"));
    desk.session.request("r2", "m", {});
    const other = new ClientDesk({}, new MemorySealer("other-cell"));
    expect(desk.say(other.response("r2"))).toEqual(closedWith("RESPONSE_UNVERIFIED"));
  });

  it.each([
    ["without a status", { a: 1 }],
    ["with an unknown status", { status: "fine" }],
    ["that is refused without a reason", { status: "refused", code: "X" }],
  ])("with an outcome %s ends the session", (_, outcome) => {
    const desk = ClientDesk.open();
    desk.session.request("r1", "m", {});
    const sealed = desk.response("r1").replace('{"status":"ok"}', encode(outcome));
    expect(desk.say(sealed)).toEqual(closedWith("PROTOCOL_VIOLATION"));
  });

  it("that says it could not be sealed fails its request and no other", () => {
    const desk = ClientDesk.open();
    desk.session.request("r1", "m", {});
    desk.session.request("r2", "m", {});
    const outcome = encode({ status: "blocked", code: "SEAL_FAILED", reason: "disk full" });
    const unsealed = { canonicalWitness: "", witnessHash: "", quintet: [] };
    expect(desk.say(responseText("r1", outcome, unsealed), desk.response("r2"))).toMatchObject([
      { type: "failed", requestId: "r1", error: { code: "SEAL_FAILED", message: "disk full" } },
      { type: "response", response: { requestId: "r2" } },
    ]);
  });

  it("must be signed by all five contexts where keys are given", () => {
    const pairs = CONTEXTS.map((context) => [context, generateKeyPair()] as const);
    const keys = federationKeys(pairs.map(([context, { publicKey }]) => [context, publicKey]));
    const identity = { cellId: "test-cell", domainId: "test-domain" };
    const signedBy =
      (contexts: readonly string[]) =>
      (sealed: ResponseSeal): ResponseSeal =>
        pairs.reduce(
          (seal, [context, { privateKey }]) =>
            contexts.includes(context) ? cosign(identity, seal, context, privateKey) : seal,
          sealed as Seal,
        );
    const good = ClientDesk.open({ keys });
    good.session.request("r1", "m", {});
    expect(good.say(good.response("r1", { change: signedBy(CONTEXTS) }))).toMatchObject([
      { type: "response", response: { report: { level: "signed" } } },
    ]);
    const four = ClientDesk.open({ keys });
    four.session.request("r1", "m", {});
    expect(four.say(four.response("r1", { change: signedBy(CONTEXTS.slice(1)) }))).toEqual(
      closedWith("RESPONSE_UNVERIFIED"),
    );
  });
});

function withEntry(seal: ResponseSeal, entry: string): ResponseSeal {
  return { ...seal, quintet: [entry, ...seal.quintet.slice(1)] };
}

function upperCaseHash(seal: ResponseSeal): ResponseSeal {
  return { ...seal, witnessHash: seal.witnessHash.toUpperCase() };
}

function otherTable(seal: ResponseSeal): ResponseSeal {
  const { canonicalWitness } = seal;
  return {
    ...seal,
    canonicalWitness: canonicalWitness.replace("franklin_commands", "research_telemetry"),
  };
}
