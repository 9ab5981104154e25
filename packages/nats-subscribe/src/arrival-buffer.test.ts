import fc from "fast-check";
import { expect, it } from "vitest";
import { ArrivalBuffer, type FullPolicy } from "./arrival-buffer.js";

const steps = fc.array(
  fc.oneof(fc.record({ bytes: fc.nat({ max: 60 }) }), fc.constant("shift" as const)),
  {
    maxLength: 200,
  },
);

it("keeps order and bounds, and tells every item that it leaves out", () => {
  fc.assert(
    fc.property(
      steps,
      fc.constantFrom<FullPolicy>("dropOldest", "dropNewest", "fail"),
      (sequence, whenFull) => {
        const dropped: number[] = [];
        const buffer = new ArrivalBuffer<{ bytes: number; id: number }>(
          { messages: 5, bytes: 100, whenFull },
          ({ id }) => dropped.push(id),
        );
        // What a list would do, written down plainly.
        let model: { bytes: number; id: number }[] = [];
        const left: number[] = [];
        let id = 0;
        for (const step of sequence) {
          if (step === "shift") {
            expect(buffer.shift()?.id).toBe(model.shift()?.id);
            continue;
          }
          id += 1;
          const item = { ...step, id };
          const full = (): boolean =>
            model.length >= 5 ||
            (model.length > 0 &&
              model.reduce((sum, { bytes }) => sum + bytes, 0) + item.bytes > 100);
          if (whenFull === "dropOldest") while (full()) left.push(model.shift()?.id ?? -1);
          const refused = full();
          if (refused && whenFull === "dropNewest") left.push(id);
          expect(buffer.push(item)).toBe(!(refused && whenFull === "fail"));
          if (!refused) model = [...model, item];
          expect(buffer.length).toBe(model.length);
          expect(dropped).toEqual(left);
        }
      },
    ),
  );
});

it("takes one item that is larger than it may hold, alone", () => {
  const buffer = new ArrivalBuffer<{ bytes: number }>(
    { messages: 5, bytes: 100, whenFull: "dropOldest" },
    () => {},
  );
  buffer.push({ bytes: 50 });
  expect(buffer.push({ bytes: 1000 })).toBe(true);
  expect(buffer.length).toBe(1);
});

it("does not keep what was taken", () => {
  const buffer = new ArrivalBuffer<{ bytes: number; id: number }>(
    { messages: 10_000, bytes: 1 << 30, whenFull: "fail" },
    () => {},
  );
  let taken = 0;
  for (let id = 0; id < 20_000; id += 1) {
    buffer.push({ bytes: 1, id });
    if (id % 4 !== 0) {
      expect(buffer.shift()?.id).toBe(taken);
      taken += 1;
    }
  }
  expect(buffer.length).toBe(20_000 - taken);
  buffer.clear();
  expect(buffer.length).toBe(0);
  expect(buffer.shift()).toBeUndefined();
});
