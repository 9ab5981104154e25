import { describe, expect, it } from "vitest";
import type { FuzzTarget } from "./fuzz-target.ts";
import { Fuzzer, type FuzzReport, smallestCover } from "./fuzzer.ts";
import { counters, eq, gt } from "./probe.ts";

const surroundings = { blocks: () => 16, begin: () => undefined };

async function fuzz(target: Partial<FuzzTarget>, runs = 50_000, seed = 1): Promise<FuzzReport> {
  const whole: FuzzTarget = {
    name: "test/target",
    seeds: () => [],
    run: () => undefined,
    ...target,
  };
  const goesOn = (count: number): boolean => count < runs;
  return new Fuzzer(whole, { ...surroundings, seed, corpus: [], goesOn }).run();
}

function pass(block: number): void {
  counters[block] = (counters[block] ?? 0) + 1;
}

describe("a fuzzer", () => {
  it("finds its way past comparisons that chance would not meet, and shrinks what it found", async () => {
    const { finding } = await fuzz({
      seeds: () => ["some input of no meaning at all"],
      run(input) {
        const view = new DataView(input.buffer, input.byteOffset, input.length);
        pass(input.length < 12 ? 4 : 0);
        if (input.length < 12 || !eq(view.getUint32(4, true), 0xdead_beef)) return;
        pass(1);
        if (!gt(view.getUint16(8), 50_000)) return;
        pass(2);
        if (eq(Buffer.from(input).toString("latin1", 10, 12), "GF")) throw new Error("found");
      },
    });
    expect(finding?.message).toContain("found");
    const { input } = finding ?? { input: new Uint8Array(0) };
    expect(input).toHaveLength(12);
    expect(Buffer.from(input).toString("hex", 0, 8)).toBe("00000000efbeadde");
  });

  it("tries the same inputs for the same seed, and others for another", async () => {
    const inputs = async (seed: number): Promise<string[]> => {
      const tried: string[] = [];
      const run = (input: Uint8Array): void => {
        tried.push(Buffer.from(input).toString("hex"));
        pass((input[0] ?? 0) & 15);
      };
      await fuzz({ seeds: () => ["abc"], run }, 500, seed);
      return tried;
    };
    expect(await inputs(1)).toEqual(await inputs(1));
    expect(await inputs(1)).not.toEqual(await inputs(2));
  });

  it("reports what takes too much memory or too long a way", async () => {
    let kept: Uint8Array | undefined;
    const memory = await fuzz({
      run() {
        kept = new Uint8Array(64 * 1024 * 1024);
      },
    });
    expect(memory.finding?.kind).toBe("memory");
    expect(kept).toHaveLength(64 * 1024 * 1024);
    const work = await fuzz({
      run() {
        counters[3] = 1_000_000;
      },
    });
    expect(work.finding?.kind).toBe("work");
  });

  it("gives targets a view into a larger buffer, and waits for what they promise", async () => {
    const { finding } = await fuzz({
      seeds: () => ["abc"],
      async run(input) {
        await Promise.resolve();
        if (input.byteOffset > 0 && input.buffer.byteLength > input.length) throw new Error("view");
      },
    });
    expect(finding?.message).toContain("view");
  });

  it("keeps the short ones of the inputs that pass more than the seeds do", async () => {
    const run = (input: Uint8Array): void => {
      for (const byte of input) pass(byte & 15);
    };
    const target = { name: "test/target", seeds: () => ["\x01"], run };
    const inputs = ["\x01\x02\x03", "\x01", "\x02\x02", "\x02"].map((text) => Buffer.from(text));
    const kept = await smallestCover(target, inputs, surroundings);
    expect(kept.map((each) => [...each])).toEqual([[2], [2, 2], [1, 2, 3]]);
  });
});
