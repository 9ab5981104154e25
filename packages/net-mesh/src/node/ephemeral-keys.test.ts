import { expect, it } from "vitest";
import { EphemeralKeys } from "./ephemeral-keys.js";

it("gives every key once, whether it was made ahead or not", () => {
  const keys = new EphemeralKeys();
  const seen = new Set<string>();
  for (let round = 1; round <= 20; round += 1) {
    for (let made = 0; made < round % 4; made += 1) keys.prepare();
    seen.add(Buffer.from(keys.take().publicKey).toString("hex"));
    expect(seen.size).toBe(round);
  }
});

it("keeps few keys, however often it is asked to make more", () => {
  const keys = new EphemeralKeys();
  let made = 0;
  for (; !keys.isFull; made += 1) keys.prepare();
  expect(made).toBeLessThanOrEqual(4);
  keys.prepare();
  for (let taken = 0; taken < made; taken += 1) keys.take();
  expect(keys.isFull).toBe(false);
});

it("gives keys that agree with one another, also after those kept were dropped", () => {
  const keys = new EphemeralKeys();
  keys.prepare();
  const one = keys.take();
  keys.prepare();
  keys.clear();
  expect(keys.isFull).toBe(false);
  const other = keys.take();
  expect(one.agree(other.publicKey)).toEqual(other.agree(one.publicKey));
});
