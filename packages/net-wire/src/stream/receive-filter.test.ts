import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReceiveFilter } from "./receive-filter.js";

interface FilterCase {
  readonly name: string;
  readonly sequences: readonly number[];
  readonly accepted: readonly boolean[];
  readonly nack_after: readonly (readonly [string, string] | null)[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/net-transport.json", import.meta.url), "utf8"),
) as { readonly groups: { readonly reliable_receiver: readonly FilterCase[] } };

describe("the receive filter of reliable streams", () => {
  test.each(vectors.groups.reliable_receiver)("$name", ({ sequences, accepted, nack_after }) => {
    const filter = new ReceiveFilter();
    for (const [index, sequence] of sequences.entries()) {
      expect(filter.receive(BigInt(sequence)) === "accepted").toBe(accepted[index]);
      const missing = filter.missing();
      const said =
        missing === undefined
          ? null
          : [String(missing.nextExpected), missing.bitmap.toString(16).padStart(16, "0")];
      expect(said).toEqual(nack_after[index]);
    }
  });

  test("accepts every sequence at most once, and up to 64 beyond the first missing one", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 300 }), (sequences) => {
        const filter = new ReceiveFilter();
        const seen = new Set<number>();
        let next = 0;
        for (const sequence of sequences) {
          const expected =
            sequence < next || seen.has(sequence)
              ? "duplicate"
              : sequence - next > 64
                ? "refused"
                : "accepted";
          expect(filter.receive(BigInt(sequence))).toBe(expected);
          if (expected === "accepted") seen.add(sequence);
          while (seen.has(next)) next += 1;
        }
      }),
    );
  });

  test("takes the largest sequence there is for too far ahead", () => {
    expect(new ReceiveFilter().receive(2n ** 64n - 1n)).toBe("refused");
  });
});
