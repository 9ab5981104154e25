import { CanonicalJsonError } from "@gaiaftcl/canonical-json";
import { encodeFrame, FrameDecoder, FranklinError, loadOperators } from "@gaiaftcl/franklin-socket";
import { readRequest } from "../../../../packages/franklin-socket/src/command-request.ts";
import {
  asChallenge,
  asHandshake,
  asResponse,
  asVerdict,
  decodeMessage,
} from "../../../../packages/franklin-socket/src/message.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorJson, vectorTexts } from "./seeds.ts";

const VECTORS = "franklin-socket/vectors/socket.json";
const LIMIT = 512;

/** The frames of chunks, and whether the stream broke. */
function framesOf(chunks: readonly Uint8Array[]): readonly string[] {
  const decoder = new FrameDecoder(LIMIT);
  const frames: string[] = [];
  let given = 0;
  for (const chunk of chunks) {
    decoder.push(chunk);
    given += chunk.length;
    const isBroken = unlessRefused(FranklinError, () => {
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
        claim(frame.length > 0 && frame.length <= LIMIT, "a frame is within bounds");
        frames.push(Buffer.from(frame).toString("latin1"));
      }
      return false;
    });
    if (isBroken === undefined) return [...frames, "broken"];
    claim(decoder.heldBytes <= 2 * given, "no more is held than twice what came");
  }
  return frames;
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "franklin-socket/frames",
    seeds: () => [
      Buffer.concat(["{}", "[1,2]", '"x"'].map((text) => encodeFrame(text))),
      new Uint8Array([0, 0, 0, 0]),
      new Uint8Array([0, 0, 2, 0, 1]),
    ],
    run(input) {
      const whole = framesOf([input]);
      claimSame(framesOf(Array.from(input, (byte) => Uint8Array.of(byte))), whole, "byte by byte");
      const [at = 0] = input;
      claimSame(framesOf([input.subarray(0, at), input.subarray(at)]), whole, "cut in two");
    },
  },
  {
    name: "franklin-socket/message",
    seeds: () => [...vectorJson(VECTORS), ...vectorTexts(VECTORS)],
    dictionary: ["request_id", "accepted", "challenge", "operator_context", "signature_quintet"],
    run(input) {
      const message = unlessRefused(FranklinError, () => decodeMessage(input));
      if (message === undefined) return;
      const kinds = [asChallenge, asHandshake, asVerdict, asResponse].map((as) => as(message));
      claim(kinds[0] === undefined || kinds[1] === undefined, "no message is of two kinds");
      const request = unlessRefused(FranklinError, () => readRequest(message));
      if (request?.refusal === undefined && request) {
        claim(typeof request.method === "string" && request.method !== "", "a method has a name");
      }
    },
  },
  {
    name: "franklin-socket/operators",
    seeds: () => [
      `[operators]\nalice = "${"4e".repeat(32)}"\n`,
      `[operators.bob]\npublic_key = "${"96".repeat(32)}"\nverbs = ["franklin_authority_show"]\n`,
      ...vectorTexts(VECTORS),
    ],
    dictionary: ["[operators]", "public_key", "verbs", '"""', "'''"],
    share: 0.5,
    run(input) {
      const text = new TextDecoder().decode(input);
      const operators = unlessRefused(FranklinError, () => loadOperators(text));
      claim(operators === undefined || operators.size <= input.length, "few operators");
      unlessRefused(CanonicalJsonError, () => operators);
    },
  },
];
