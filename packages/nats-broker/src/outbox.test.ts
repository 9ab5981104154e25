import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Batch, Outbox, OutputMemory } from "./outbox.js";

const text = (batch: Batch): string =>
  Buffer.concat(batch.parts.map((part) => part.bytes)).toString("latin1");

describe("an outbox", () => {
  it("sends everything once and in order, however writes and appends interleave", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("text" as const),
        length: fc.integer({ min: 1, max: 40_000 }),
      }),
      fc.record({
        kind: fc.constant("message" as const),
        length: fc.integer({ min: 0, max: 9_000 }),
      }),
      fc.record({ kind: fc.constant("write" as const), length: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = new OutputMemory();
        const outbox = new Outbox(memory);
        let expected = "";
        let sent = "";
        let underWay: Batch | undefined;
        const write = (): void => {
          if (underWay !== undefined) {
            // Read only now: what is under way must not have been overwritten in the meantime.
            sent += text(underWay);
            outbox.written(underWay);
          }
          underWay = outbox.isEmpty ? undefined : outbox.take();
        };
        steps.forEach(({ kind, length }, index) => {
          const mark = String.fromCharCode(33 + (index % 90));
          if (kind === "write") write();
          else if (kind === "text") {
            outbox.text(mark.repeat(length));
            expected += mark.repeat(length);
          } else {
            const bytes = Buffer.from(`..${mark.repeat(length)}..`);
            outbox.message(`<${index}>`, bytes, 2, 2 + length);
            expected += `<${index}>${mark.repeat(length)}`;
          }
          expect(outbox.pendingBytes).toBe(expected.length - sent.length);
          expect(memory.pendingBytes).toBe(outbox.pendingBytes);
        });
        while (outbox.pendingBytes > 0) write();
        expect(sent).toBe(expected);
        expect(memory.pendingBytes).toBe(0);
      }),
    );
  });

  it("refers to large messages instead of copying them", () => {
    const outbox = new Outbox(new OutputMemory());
    const payload = Buffer.alloc(10_000, "x");
    outbox.message("MSG a 1 ", payload, 0, payload.length);
    const { parts } = outbox.take();
    expect(parts.some(({ bytes }) => bytes.buffer === payload.buffer)).toBe(true);
  });

  it("writes a long backlog in batches of about a mebibyte", () => {
    const outbox = new Outbox(new OutputMemory());
    const payload = Buffer.alloc(100_000);
    for (let index = 0; index < 50; index += 1) outbox.message("", payload, 0, payload.length);
    let bytes = 0;
    while (!outbox.isEmpty) {
      const batch = outbox.take();
      expect(batch.bytes).toBeLessThan(1_200_000);
      bytes += batch.bytes;
      outbox.written(batch);
    }
    expect(bytes).toBe(5_000_000);
  });

  it("shares buffers between clients, so that none stays with an idle one", () => {
    const memory = new OutputMemory();
    const buffers = Array.from({ length: 10 }, () => {
      const outbox = new Outbox(memory);
      outbox.text("PING\r\n");
      const batch = outbox.take();
      outbox.written(batch);
      return batch.parts[0]?.bytes.buffer;
    });
    expect(new Set(buffers).size).toBe(1);
  });

  it("has nothing pending once it is closed, whatever is still under way", () => {
    const memory = new OutputMemory();
    const outbox = new Outbox(memory);
    outbox.text("first");
    const batch = outbox.take();
    outbox.text("second");
    outbox.close();
    expect([outbox.pendingBytes, memory.pendingBytes]).toEqual([0, 0]);
    outbox.written(batch);
    expect([outbox.pendingBytes, memory.pendingBytes]).toEqual([0, 0]);
  });
});
