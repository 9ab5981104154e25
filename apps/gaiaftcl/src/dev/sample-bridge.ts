import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { ensure } from "./ensure.js";

/** The sample module of this package: typed arrays in, typed arrays out. */
export const sampleBridge: {
  readonly name: string;
  readonly prefix: string;
  readonly directory: string;
} = {
  name: "gaiaftcl.bridges.numpy_bridge",
  prefix: "gaiaftcl/bridges/numpy_bridge",
  /** Beside `dist` in the published package, beside `src` in the checkout. */
  directory: fileURLToPath(new URL("../bridges/numpy_bridge", import.meta.url)),
};

/** What the sample module exports. */
export interface SampleBridge {
  readonly leading_zero_histogram: (digests: Uint8Array, digestBytes?: number) => Uint32Array;
}

const rows = 4096;

/** Calls the bridge on the digests of 4,096 numbers and checks each count against the hex text. */
export function callSampleBridge(bridge: SampleBridge): string {
  const digests = new Uint8Array(32 * rows);
  const expected: number[] = [];
  for (let row = 0; row < rows; row += 1) {
    const digest = createHash("sha256").update(`gaiaftcl ${row}`).digest();
    digests.set(digest, 32 * row);
    const zeros = digest.toString("hex").search(/[^0]/);
    for (let length = expected.length; length <= zeros; length += 1) expected.push(0);
    expected[zeros] = (expected[zeros] ?? 0) + 1;
  }
  const histogram = bridge.leading_zero_histogram(digests);
  ensure(histogram instanceof Uint32Array, "the bridge did not answer with a Uint32Array");
  ensure(
    histogram.join() === expected.join(),
    `the bridge counted ${histogram.join()}, expected ${expected.join()}`,
  );
  return histogram.join(" ");
}
