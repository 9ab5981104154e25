import { expect, it } from "vitest";
import { streamIdFromKey } from "./stream-id.js";
import { type Vector, vectors } from "./vectors.testing.js";

it.each(vectors<Vector>("stream_id_from_key"))("a stream id of $name", ({ key, stream_id }) => {
  expect(streamIdFromKey(key as string)).toBe(BigInt(stream_id as string));
});
