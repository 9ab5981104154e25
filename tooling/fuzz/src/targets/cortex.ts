import {
  type Codec,
  CortexError,
  decode,
  decodeBundle,
  decodeEnvelope,
  encode,
  encodeBundle,
  encodeEnvelope,
  formatWriteToken,
  type Model,
  memoriesModel,
  NetDbError,
  PostcardWriter,
  parseWriteToken,
  tasksModel,
} from "@gaiaftcl/cortex";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorBytes, vectorFiles, vectorTexts } from "./seeds.ts";

const seeds = (): Uint8Array[] => [
  ...vectorBytes("cortex/vectors/cortex.json"),
  ...[...vectorFiles("cortex/vectors").values()].filter((file) => file.length < 4096),
];

/** What is written again is read as the same, and written alike. */
function claimCodec<T>(codec: Codec<T>, value: T): void {
  const encoded = encode(codec, value);
  claimSame(encode(codec, decode(codec, encoded)), encoded, "the encoding of a decoded value");
}

/** A target for a model: its snapshot, and an event of each of its operations. */
export function modelTarget<State, Inputs, Queries>(
  name: string,
  { snapshot, byDispatch, initial }: Model<State, Inputs, Queries>,
): FuzzTarget {
  return {
    name,
    seeds,
    run(input) {
      const table = unlessRefused(CortexError, () => decode(snapshot, input));
      if (table !== undefined) claimCodec(snapshot, table);
      const operation = byDispatch.get(input[0] ?? 0);
      if (operation === undefined) return;
      unlessRefused(CortexError, () => {
        const change = decode(operation.codec, input.subarray(1));
        claimCodec(operation.codec, change);
        const state = table ?? initial();
        claimCodec(
          snapshot,
          operation.fold(state, change, { seq: 1n, originHash: 2n, seqOrTs: 3n }),
        );
      });
    },
  };
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "cortex/envelope",
    seeds,
    run(input) {
      const envelope = unlessRefused(CortexError, () => decodeEnvelope(input));
      const writer = new PostcardWriter();
      // Chance finds no checksum, so that a good one is tried, too.
      const own = envelope ?? {
        dispatch: input[0] ?? 0,
        originHash: BigInt(input.length),
        seqOrTs: 1n,
        tail: input.subarray(1),
      };
      const encoded = encodeEnvelope(writer, own, (tail) => {
        for (const byte of own.tail) tail.byte(byte);
      });
      const again = decodeEnvelope(encoded);
      claimSame(again.tail, own.tail, "the tail");
      claimSame(
        [again.dispatch, again.originHash, again.seqOrTs],
        [own.dispatch, own.originHash, own.seqOrTs],
        "the header",
      );
    },
  },
  {
    name: "cortex/bundle",
    seeds,
    maxLength: 4096,
    run(input) {
      const bundle = unlessRefused(NetDbError, () => decodeBundle(input));
      if (bundle === undefined) return;
      const encoded = encodeBundle(bundle);
      claimSame(encodeBundle(decodeBundle(encoded)), encoded, "a bundle");
    },
  },
  modelTarget("cortex/tasks", tasksModel),
  modelTarget("cortex/memories", memoriesModel),
  {
    name: "cortex/write-token",
    seeds: () => [
      ...vectorTexts("cortex/vectors/cortex.json"),
      "00000000000000ff:18446744073709551615",
    ],
    maxLength: 100,
    run(input) {
      const token = unlessRefused(CortexError, () =>
        parseWriteToken(new TextDecoder().decode(input)),
      );
      if (token === undefined) return;
      claimSame(parseWriteToken(formatWriteToken(token)), token, "a token");
      claim(token.seq < 1n << 64n, "a sequence is a u64");
    },
  },
];
