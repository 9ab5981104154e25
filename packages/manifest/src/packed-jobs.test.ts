import fc from "fast-check";
import { expect, it } from "vitest";
import { packJobs, unpackJobs } from "./packed-jobs.js";

const path = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);

it("jobs arrive in another thread as they were packed", () => {
  const plain = fc.record({ path });
  const expecting = fc.record({ path, expected: fc.record({ bytes: fc.maxSafeNat(), sha256 }) });
  fc.assert(
    fc.property(
      fc.oneof(fc.array(plain, { minLength: 1 }), fc.array(expecting, { minLength: 1 })),
      (jobs) => {
        expect(unpackJobs(structuredClone(packJobs(jobs)))).toEqual(jobs);
      },
    ),
  );
});
