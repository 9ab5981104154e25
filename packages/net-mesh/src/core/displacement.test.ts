import { describe, expect, it } from "vitest";
import { judgeDisplacement } from "./displacement.js";
import type { Peer } from "./peer.js";

const OLD = new Uint8Array(32).fill(1);
const NEW = new Uint8Array(32).fill(2);

function judge(
  ephemeral: Uint8Array,
  at: number,
  peer: {
    readonly strict?: boolean;
    readonly initiated?: boolean;
    readonly heardAt?: number;
    readonly challengedAt?: number;
    readonly movesUntil?: number;
    readonly isProven?: boolean;
  },
  isAtItsAddress = false,
): string {
  const { strict = false, initiated = false, heardAt = 0, challengedAt, movesUntil = -1 } = peer;
  const { isProven = true } = peer;
  const judged: Pick<
    Peer,
    "origin" | "heardAt" | "challengedAt" | "movesUntil" | "establishedAt"
  > & {
    readonly session: { readonly strict: boolean };
    readonly proof: { readonly entityId: Uint8Array | undefined };
  } = {
    proof: { entityId: isProven ? new Uint8Array(32) : undefined },
    establishedAt: 0,
    origin: { initiated, initiatorEphemeral: OLD },
    session: { strict },
    heardAt,
    challengedAt,
    movesUntil,
  };
  return judgeDisplacement(judged, ephemeral, at, 100, 400, isAtItsAddress);
}

describe("whether a newcomer takes the place of a peer", () => {
  it("is open where there is no peer, and not for a repeated message", () => {
    expect(judgeDisplacement(undefined, NEW, 0, 100, 400, false)).toBe("accept");
    expect(judge(OLD, 0, {})).toBe("replay");
    expect(judge(OLD, 0, { strict: true })).toBe("replay");
  });

  it("follows the reference for sessions of 0.19.0", () => {
    expect(judge(NEW, 50, {})).toBe("accept");
    expect(judge(NEW, 100, { initiated: true })).toBe("refuse");
    expect(judge(NEW, 101, { initiated: true })).toBe("accept");
  });

  it("is open on trial for one of 0.19.0 that this node joined and that begins where it is", () => {
    expect(judge(NEW, 50, { initiated: true }, true)).toBe("provisional");
    expect(judge(NEW, 101, { initiated: true }, true)).toBe("accept");
    expect(judge(NEW, 50, {}, true)).toBe("accept");
    expect(judge(NEW, 2000, { strict: true, initiated: true, heardAt: 1000 }, true)).toBe(
      "challenge",
    );
  });

  it("asks a strict peer first, and waits for its answer", () => {
    const strict = { strict: true, heardAt: 1000 };
    expect(judge(NEW, 2000, strict)).toBe("challenge");
    expect(judge(NEW, 2100, { ...strict, challengedAt: 2000 })).toBe("refuse");
    expect(judge(NEW, 2400, { ...strict, challengedAt: 2000 })).toBe("accept");
    expect(judge(NEW, 2400, { ...strict, heardAt: 2050, challengedAt: 2000 })).toBe("challenge");
  });

  it("keeps a node id for nobody who does not prove to own it", () => {
    const squatter = { strict: true, isProven: false };
    expect(judge(NEW, 5000, { ...squatter, heardAt: 4999 })).toBe("challenge");
    expect(judge(NEW, 5001, { ...squatter, heardAt: 5000 })).toBe("accept");
    expect(judge(OLD, 5001, { ...squatter, heardAt: 5000 })).toBe("replay");
  });

  it("lets a strict peer move that said so", () => {
    expect(judge(NEW, 2000, { strict: true, heardAt: 1999, movesUntil: 2500 })).toBe("accept");
    expect(judge(NEW, 2501, { strict: true, heardAt: 2500, movesUntil: 2500 })).toBe("challenge");
  });
});
