import { describe, expect, it } from "vitest";
import { ByteSlab } from "./byte-slab.js";

describe("a slab of bytes", () => {
  it("gives no byte to two parts, however large they are", () => {
    const slab = new ByteSlab();
    const parts = [10, 0, 60_000, 6000, 70_000, 1, 65_536, 3].map((length) => slab.take(length));
    for (const [index, part] of parts.entries()) part.fill(index);
    for (const [index, part] of parts.entries()) {
      expect(part.every((byte) => byte === index)).toBe(true);
    }
  });

  it("gives the last part again when it was given back, and no other", () => {
    const slab = new ByteSlab();
    const [first, second] = [slab.take(100), slab.take(200)];
    slab.giveBack(first);
    slab.giveBack(new Uint8Array(200));
    expect(slab.take(50).byteOffset).toBe(300);
    slab.giveBack(second);
    expect(slab.take(50).byteOffset).toBe(350);
    const last = slab.take(40);
    slab.giveBack(last);
    expect(slab.take(1000)).toMatchObject({ byteOffset: 400, buffer: last.buffer });
    slab.giveBack(last);
    expect(slab.take(1).byteOffset).toBe(1400);
  });
});
