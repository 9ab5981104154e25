import { encodeHex } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CausalEvent,
  type CausalLink,
  causalLinkProblem,
  decodeCausalLink,
  encodeCausalLink,
  genesisLink,
  nextLink,
} from "./causal-link.js";
import {
  decodeCausalEvents,
  encodeCausalEvents,
  verifyCausalEvents,
} from "./causal-link-events.js";
import { causalVectors } from "./causal-link-vectors.testing.js";
import { horizonMayContain, horizonWith } from "./horizon-sketch.js";
import { Identity } from "./identity.js";
import { bytesOf } from "./vectors.testing.js";

const U64_MAX = 0xffff_ffff_ffff_ffffn;
const EMPTY = new Uint8Array(0);
const u64 = fc.bigInt({ min: 0n, max: U64_MAX });
const anyLink: fc.Arbitrary<CausalLink> = fc.record({
  originHash: u64,
  horizon: u64,
  sequence: u64,
  parentHash: u64,
});
const anyEvent: fc.Arbitrary<CausalEvent> = fc.record({
  link: anyLink,
  payload: fc.uint8Array({ maxLength: 40 }),
});
const genesis: CausalEvent = { link: genesisLink(5n), payload: EMPTY };

/** A chain of these payloads after an event. */
function chainOf(payloads: readonly Uint8Array[], start: CausalEvent = genesis): CausalEvent[] {
  const events: CausalEvent[] = [];
  let previous = start;
  for (const payload of payloads) {
    previous = { link: nextLink(previous, 0n), payload };
    events.push(previous);
  }
  return events;
}

describe("a causal link", () => {
  it("is four little-endian words", () => {
    const link = {
      originHash: 0x0123456789abcdefn,
      horizon: 0xfedcba9876543210n,
      sequence: 0x1122334455667788n,
      parentHash: 0x99aabbccddeeff00n,
    };
    expect(encodeHex(encodeCausalLink(link))).toBe(causalVectors.envelopes[2]?.link);
    expect(decodeCausalLink(encodeCausalLink(link))).toEqual(link);
  });

  it("is any 32 bytes, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const link = decodeCausalLink(bytes);
        expect(link === undefined).toBe(bytes.length !== 32);
        if (link !== undefined) expect(encodeCausalLink(link)).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const link = decodeCausalLink(bytes);
        expect(link && encodeCausalLink(link)).toEqual(bytes);
      }),
    );
  });

  it.each(["originHash", "horizon", "sequence", "parentHash"] as const)(
    "has a %s of 64 bits",
    (field) => {
      for (const value of [-1n, U64_MAX + 1n]) {
        expect(() => encodeCausalLink({ ...genesis.link, [field]: value })).toThrow(
          expect.objectContaining({ name: "NetIdentityError", code: "RANGE" }),
        );
      }
    },
  );

  it("follows the outputs of a daemon of Net up to the head of its chain", () => {
    const { seed, inputs, outputs, head } = causalVectors.chain_observed;
    const { originHash } = Identity.fromSeed(bytesOf(seed));
    let previous: CausalEvent = { link: genesisLink(originHash), payload: EMPTY };
    for (const { after_inputs, payload } of outputs) {
      const seen = inputs.slice(0, after_inputs).map(BigInt);
      const link = nextLink(previous, seen.reduce(horizonWith, 0n));
      previous = { link, payload: bytesOf(payload) };
    }
    expect(encodeHex(encodeCausalLink(previous.link))).toBe(head);
  });

  it("does not follow the last sequence there is", () => {
    const last = { link: { ...genesis.link, sequence: U64_MAX }, payload: EMPTY };
    expect(() => nextLink(last, 0n)).toThrow(expect.objectContaining({ code: "RANGE" }));
    expect(causalLinkProblem(genesis.link, last)?.message).toBe(
      "sequence gap: expected 18446744073709551616, got 0",
    );
  });

  it("starts a fork from the mark of the fork", () => {
    expect(genesisLink(1n, 9n)).toEqual({
      originHash: 1n,
      horizon: 0n,
      sequence: 0n,
      parentHash: 9n,
    });
    expect(() => genesisLink(-1n)).toThrow(expect.objectContaining({ code: "RANGE" }));
    expect(() => genesisLink(1n, -1n)).toThrow(expect.objectContaining({ code: "RANGE" }));
  });

  it("follows only from a payload that is bytes, and with a horizon of 64 bits", () => {
    const payload = JSON.parse('"text"');
    const argument = expect.objectContaining({ name: "NetIdentityError", code: "ARGUMENT" });
    expect(() => nextLink({ link: genesis.link, payload }, 0n)).toThrow(argument);
    expect(() => encodeCausalEvents([{ link: genesis.link, payload }])).toThrow(argument);
    expect(() => nextLink(genesis, -1n)).toThrow(expect.objectContaining({ code: "RANGE" }));
  });
});

describe("a chain", () => {
  it("names what does not follow, in Net's words", () => {
    const event = chainOf([EMPTY])[0] as CausalEvent;
    const next = nextLink(event, 0n);
    expect(causalLinkProblem(next, event)).toBeUndefined();
    expect(causalLinkProblem({ ...next, originHash: 0xabcn }, event)).toEqual({
      fault: "origin_mismatch",
      message: "origin mismatch: expected 0x5, got 0xabc",
    });
    expect(causalLinkProblem({ ...next, sequence: 7n }, event)).toEqual({
      fault: "sequence_gap",
      message: "sequence gap: expected 2, got 7",
    });
    const expected = next.parentHash.toString(16);
    expect(causalLinkProblem({ ...next, parentHash: 0n }, event)).toEqual({
      fault: "parent_hash_mismatch",
      message: `parent hash mismatch: expected 0x${expected}, got 0x0`,
    });
  });

  it("looks at the origin first, then at the sequence", () => {
    const wrong = { originHash: 1n, horizon: 0n, sequence: 9n, parentHash: 9n };
    expect(causalLinkProblem(wrong, genesis)?.fault).toBe("origin_mismatch");
    const wrongToo = { ...wrong, originHash: 5n };
    expect(causalLinkProblem(wrongToo, genesis)?.fault).toBe("sequence_gap");
  });

  it("holds whole, and breaks where an event is changed, left out or moved", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 2, maxLength: 8 }),
        fc.nat(),
        fc.nat(),
        (payloads, pick, bit) => {
          const events = chainOf(payloads);
          expect(verifyCausalEvents(events, genesis)).toEqual({ ok: true });
          const at = pick % (events.length - 1);
          const event = events[at] as CausalEvent;

          const payload = Uint8Array.from(event.payload);
          const byte = bit % payload.length;
          payload[byte] = (payload[byte] ?? 0) ^ (1 << (bit & 7));
          const changed = events.with(at, { ...event, payload });
          expect(verifyCausalEvents(changed, genesis)).toMatchObject({
            ok: false,
            event: at + 1,
            fault: "parent_hash_mismatch",
          });

          expect(verifyCausalEvents(events.toSpliced(at, 1), genesis)).toMatchObject({
            ok: false,
            event: at,
            fault: "sequence_gap",
          });
          const swapped = events.with(at, events[at + 1] as CausalEvent).with(at + 1, event);
          expect(verifyCausalEvents(swapped, genesis)).toMatchObject({ ok: false, event: at });
        },
      ),
    );
  });

  it("is held to the event it continues", () => {
    const events = chainOf([bytesOf("01"), bytesOf("02"), bytesOf("03")]);
    const [first, ...rest] = events as [CausalEvent, ...CausalEvent[]];
    expect(verifyCausalEvents(rest, first)).toEqual({ ok: true });
    const other = { ...first, payload: bytesOf("00") };
    expect(verifyCausalEvents(rest, other)).toMatchObject({ ok: false, event: 0 });
    expect(verifyCausalEvents([], first)).toEqual({ ok: true });
  });
});

describe("a list of events", () => {
  it("is read and written as computed from the format", () => {
    const { list, payloads, origin, next } = causalVectors.events_computed;
    const events = decodeCausalEvents(bytesOf(list)) ?? [];
    expect(events.map(({ payload }) => encodeHex(payload))).toEqual(payloads);
    const start = { link: genesisLink(BigInt(origin)), payload: EMPTY };
    expect(verifyCausalEvents(events, start)).toEqual({ ok: true });
    expect(encodeHex(encodeCausalEvents(events))).toBe(list);
    const last = events.at(-1) as CausalEvent;
    expect(encodeHex(encodeCausalLink(nextLink(last, 0n)))).toBe(next);
  });

  it("comes back as it was", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 6 }), (events) => {
        expect(decodeCausalEvents(encodeCausalEvents(events))).toEqual(events);
      }),
    );
  });

  it("is one text for one list: what is read writes the same bytes, whatever they are", () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.nat(255),
        (events, pick, value) => {
          const bytes = encodeCausalEvents(events);
          bytes[pick % bytes.length] = value;
          const read = decodeCausalEvents(bytes);
          if (read !== undefined) expect(encodeCausalEvents(read)).toEqual(bytes);
        },
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const read = decodeCausalEvents(bytes);
        if (read !== undefined) expect(encodeCausalEvents(read)).toEqual(bytes);
      }),
    );
  });

  it("is refused when cut short anywhere inside an event", () => {
    const bytes = encodeCausalEvents(chainOf([bytesOf("0102"), EMPTY]));
    for (let length = 0; length <= bytes.length; length += 1) {
      const whole = length === 0 || length === 38 || length === bytes.length;
      expect(decodeCausalEvents(bytes.subarray(0, length)) !== undefined).toBe(whole);
    }
  });

  it("is refused for a length that leaves no room for the link, or goes beyond the end", () => {
    const bytes = encodeCausalEvents(chainOf([EMPTY]));
    for (const length of [0, 31, 33, 0xffff_ffff]) {
      new DataView(bytes.buffer).setUint32(0, length, true);
      expect(decodeCausalEvents(bytes)).toBeUndefined();
    }
  });

  it("has no more events than the reader takes", () => {
    const bytes = encodeCausalEvents(chainOf([EMPTY, EMPTY, EMPTY]));
    expect(decodeCausalEvents(bytes, 3)).toHaveLength(3);
    expect(decodeCausalEvents(bytes, 2)).toBeUndefined();
    expect(decodeCausalEvents(EMPTY, 0)).toEqual([]);
    expect(() => decodeCausalEvents(bytes, Number.NaN)).toThrow(
      expect.objectContaining({ code: "RANGE" }),
    );
  });

  it("keeps payloads of its own", () => {
    const bytes = encodeCausalEvents(chainOf([bytesOf("07")]));
    const events = decodeCausalEvents(bytes);
    bytes.fill(0);
    expect(events?.[0]?.payload).toEqual(bytesOf("07"));
  });
});

describe("a horizon", () => {
  it.each([...causalVectors.horizons_observed, ...causalVectors.horizons_computed])(
    "of $origin is that of Net",
    ({ origin, horizon }) => {
      expect(horizonWith(0n, BigInt(origin))).toBe(BigInt(horizon));
    },
  );

  it("may contain every origin it was given, in whatever order", () => {
    fc.assert(
      fc.property(fc.array(u64, { maxLength: 12 }), (origins) => {
        const horizon = origins.reduce(horizonWith, 0n);
        expect(horizon).toBe(origins.toReversed().reduce(horizonWith, 0n));
        for (const origin of origins) expect(horizonMayContain(horizon, origin)).toBe(true);
      }),
    );
  });

  it("is certain of what it does not contain", () => {
    expect(horizonMayContain(0n, 1n)).toBe(false);
    expect(horizonMayContain(horizonWith(0n, 1n), 5n)).toBe(false);
    expect(horizonMayContain(U64_MAX, 5n)).toBe(true);
    // Two of the three bits of an origin are not enough.
    const bits = horizonWith(0n, 0x1111n);
    expect(horizonMayContain(bits & (bits - 1n), 0x1111n)).toBe(false);
  });

  it("and its origins have 64 bits", () => {
    const range = expect.objectContaining({ name: "NetIdentityError", code: "RANGE" });
    expect(() => horizonWith(-1n, 1n)).toThrow(range);
    expect(() => horizonWith(0n, U64_MAX + 1n)).toThrow(range);
    expect(() => horizonMayContain(U64_MAX + 1n, 1n)).toThrow(range);
  });
});
