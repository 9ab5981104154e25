import { Redex, type RedexFile } from "@gaiaftcl/redex";
import { expect, it, vi } from "vitest";
import { array, struct } from "./compound-codecs.js";
import { encodeEnvelope } from "./envelope.js";
import type { FoldProblem } from "./fold.js";
import { defineModel, type Model, operation } from "./model.js";
import { openModel } from "./open-model.js";
import { PostcardWriter } from "./postcard-writer.js";
import { i64, string, u64 } from "./scalar-codecs.js";
import { TasksAdapter } from "./tasks-adapter.js";

const originHash = 0xabcdef01n;

interface AccountInputs {
  readonly deposit: { readonly amount: bigint };
  readonly withdraw: { readonly amount: bigint };
  readonly note: { readonly text: string };
}

interface AccountQueries {
  balance(): bigint;
  notes(): readonly string[];
}

interface Account {
  readonly balance: bigint;
  readonly notes: readonly string[];
}

const account: Model<Account, AccountInputs, AccountQueries> = defineModel({
  channel: "app/account",
  initial: (): Account => ({ balance: 0n, notes: [] }),
  snapshot: struct({ balance: i64, notes: array(string) }),
  operations: {
    deposit: operation(0x80, struct({ amount: u64 }), (state: Account, { amount }) => ({
      ...state,
      balance: state.balance + amount,
    })),
    withdraw: operation(0x81, struct({ amount: u64 }), (state: Account, { amount }) => {
      if (amount > state.balance) throw new RangeError(`only ${state.balance} left`);
      return { ...state, balance: state.balance - amount };
    }),
    note: operation(0x82, struct({ text: string }), (state: Account, { text }) => ({
      ...state,
      notes: [...state.notes, text],
    })),
  },
  queries: (state) => ({ balance: () => state().balance, notes: () => state().notes }),
});

async function memoryLog(): Promise<RedexFile> {
  return (await Redex.open()).openFile("app/account");
}

function event(dispatch: number, origin: bigint, seqOrTs: bigint, amount: bigint): Uint8Array {
  return encodeEnvelope(new PostcardWriter(), { dispatch, originHash: origin, seqOrTs }, (writer) =>
    writer.u64(amount),
  );
}

it("has folded a write when the write returns", async () => {
  const adapter = await openModel(account, await memoryLog(), { originHash });
  expect(adapter.write("deposit", { amount: 5n })).toBe(0n);
  expect(adapter.read.balance()).toBe(5n);
  expect(adapter.write("withdraw", { amount: 2n })).toBe(1n);
  expect(adapter.read.balance()).toBe(3n);
  expect(adapter.progress).toEqual({
    startSeq: 0n,
    folded: 1n,
    applied: 1n,
    skipped: 0,
    running: true,
  });
});

it("has folded what anybody else in the process appends when that append returns", async () => {
  const log = await memoryLog();
  const mine = await openModel(account, log, { originHash });
  const yours = await openModel(account, log, { originHash: 2n });
  yours.write("deposit", { amount: 10n });
  expect(mine.progress.folded).toBe(0n);
  log.appendBatch([event(0x80, 3n, 0n, 1n), event(0x80, 3n, 1n, 2n)]);
  expect(mine.read.balance()).toBe(13n);
  expect(yours.read.balance()).toBe(13n);
});

it("opens with everything folded that is in the log already", async () => {
  const log = await memoryLog();
  for (let seq = 0n; seq < 20_000n; seq += 1n) log.append(event(0x80, 3n, seq, 1n));
  const adapter = await openModel(account, log, { originHash });
  expect(adapter.read.balance()).toBe(20_000n);
  expect(adapter.progress).toMatchObject({ applied: 19_999n });
});

it("stays with the log through a burst far longer than any buffer", async () => {
  const log = await memoryLog();
  const adapter = await openModel(account, log, { originHash });
  for (let count = 0; count < 20_000; count += 1) adapter.write("deposit", { amount: 1n });
  expect(adapter.read.balance()).toBe(20_000n);
  expect(adapter.running).toBe(true);
});

it("numbers the writes of its origin on from what the log holds of it", async () => {
  const log = await memoryLog();
  log.append(event(0x80, originHash, 41n, 1n));
  log.append(event(0x80, 9n, 77n, 1n));
  log.append(event(0x80, originHash, 0xffffffffffffffffn, 1n));
  const adapter = await openModel(account, log, { originHash });
  adapter.write("deposit", { amount: 1n });
  const [last] = log.readRange(3n, 4n);
  expect(last?.payload).toEqual(event(0x80, originHash, 42n, 1n));
});

it("skips what cannot be decoded, ignores what it does not know, and goes on", async () => {
  const log = await memoryLog();
  const problems: FoldProblem[] = [];
  const adapter = await openModel(account, log, {
    originHash,
    onProblem: (problem) => problems.push(problem),
  });
  log.append(event(0x80, 3n, 0n, 1n));
  log.append(event(0xff, 3n, 1n, 1n));
  log.append(new Uint8Array([1, 2, 3]));
  const damaged = event(0x80, 3n, 2n, 1n);
  damaged[24] = 9;
  log.append(damaged);
  log.append(event(0x80, 3n, 3n, 1n));
  expect(adapter.read.balance()).toBe(2n);
  // What follows a skipped event is folded, but "everything up to here" ends before it.
  expect(adapter.progress).toMatchObject({ folded: 4n, applied: 1n, skipped: 2, running: true });
  expect(problems.map(({ kind, seq }) => [kind, seq])).toEqual([
    ["undecodable", 2n],
    ["undecodable", 3n],
  ]);
  await expect(adapter.waitForSeq(3n)).resolves.toBeUndefined();
  await expect(adapter.waitForToken(adapter.token(4n), { deadlineMs: 0 })).rejects.toMatchObject({
    code: "TIMEOUT",
    message: "cortex: wait_for_token: read-your-writes wait timed out",
  });
});

it("stops at a fold that throws, and says so to everybody who waits", async () => {
  const adapter = await openModel(account, await memoryLog(), { originHash });
  adapter.write("deposit", { amount: 1n });
  const waiting = adapter.waitForSeq(5n);
  const watch = adapter.watch((read) => read.balance());
  await watch.next();
  const changed = watch.next();
  adapter.write("withdraw", { amount: 100n });
  await expect(waiting).rejects.toMatchObject({
    code: "FOLD_STOPPED",
    message: "cortex: wait_for_seq: fold task stopped; folded_through=Some(0)",
    cause: expect.objectContaining({ message: "only 1 left" }),
  });
  await expect(changed).rejects.toThrow("cortex: watch: fold stopped at seq 1: only 1 left");
  expect(adapter.running).toBe(false);
  // The log goes on; the state does not.
  expect(adapter.write("deposit", { amount: 7n })).toBe(2n);
  expect(adapter.read.balance()).toBe(1n);
});

it("passes over a fold that throws when told to", async () => {
  const log = await memoryLog();
  const onProblem = vi.fn();
  const adapter = await openModel(account, log, { originHash, onFoldError: "skip", onProblem });
  adapter.write("withdraw", { amount: 100n });
  adapter.write("deposit", { amount: 7n });
  expect(adapter.read.balance()).toBe(7n);
  expect(adapter.progress).toMatchObject({ folded: 1n, applied: undefined, skipped: 1 });
  expect(onProblem).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ kind: "fold", seq: 0n }),
  );
  await expect(openModel(account, log, { originHash })).rejects.toMatchObject({
    code: "FOLD_STOPPED",
    message: "cortex: app/account open failed: fold stopped at seq 0: only 0 left",
  });
});

it("goes on when the one who is told of problems throws", async () => {
  const log = await memoryLog();
  const adapter = await openModel(account, log, {
    originHash,
    onProblem: () => {
      throw new Error("observer");
    },
  });
  log.append(new Uint8Array(3));
  adapter.write("deposit", { amount: 7n });
  expect(adapter.read.balance()).toBe(7n);
});

it("lets the one who is told of problems read and write, and folds each event once", async () => {
  const log = await memoryLog();
  const seen: bigint[] = [];
  const adapter = await openModel(account, log, {
    originHash,
    onFoldError: "skip",
    onProblem: ({ seq }) => {
      seen.push(adapter.read.balance());
      if (seq === 1n) adapter.write("deposit", { amount: 100n });
    },
  });
  adapter.write("deposit", { amount: 1n });
  adapter.write("withdraw", { amount: 50n });
  expect(seen).toEqual([1n]);
  expect(adapter.read.balance()).toBe(101n);
  log.append(new Uint8Array(3));
  expect(adapter.read.balance()).toBe(101n);
  expect(adapter.progress).toMatchObject({ folded: 3n, skipped: 2 });
});

it("refuses a write that is not of its type before anything is written", async () => {
  const log = await memoryLog();
  const adapter = await openModel(account, log, { originHash });
  expect(() => adapter.write("deposit", { amount: -1n })).toThrow(
    "cortex: deposit.amount: expected a bigint from 0 to 2^64-1, found -1n",
  );
  expect(log.length).toBe(0);
});

it("waits for an event to come, with a way out", async () => {
  const adapter = await openModel(account, await memoryLog(), { originHash });
  const first = adapter.waitForSeq(0n);
  const second = adapter.waitForToken(adapter.token(1n), { deadlineMs: 60_000 });
  const abort = new AbortController();
  const third = adapter.waitForSeq(9n, { signal: abort.signal });
  adapter.write("deposit", { amount: 1n });
  await first;
  adapter.write("deposit", { amount: 1n });
  await second;
  abort.abort();
  await expect(third).rejects.toMatchObject({ code: "ABORTED" });
  await expect(adapter.waitForSeq(9n, { signal: abort.signal })).rejects.toMatchObject({
    code: "ABORTED",
  });
  await expect(adapter.waitForToken(adapter.token(9n), { deadlineMs: 1 })).rejects.toMatchObject({
    code: "TIMEOUT",
  });
  await expect(
    adapter.waitForToken(adapter.token(9n), { deadlineMs: Number.NaN }),
  ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

it("takes no token of another origin", async () => {
  const adapter = await openModel(account, await memoryLog(), { originHash });
  await expect(adapter.waitForToken({ originHash: 1n, seq: 0n })).rejects.toMatchObject({
    code: "WRONG_ORIGIN",
    message:
      "cortex: wait_for_token: token origin 0000000000000001 != adapter origin 00000000abcdef01",
  });
});

it("allows 1,024 token waits at once, and as many again once they are over", async () => {
  const adapter = await openModel(account, await memoryLog(), { originHash });
  const token = adapter.token(0n);
  const waits = Array.from({ length: 1024 }, () =>
    adapter.waitForToken(token, { deadlineMs: 60_000 }),
  );
  await expect(adapter.waitForToken(token)).rejects.toMatchObject({ code: "SATURATED" });
  adapter.write("deposit", { amount: 1n });
  await Promise.all(waits);
  await adapter.waitForToken(token);
});

it("closes once and for all: writes and waits fail, what was folded stays readable", async () => {
  const log = await memoryLog();
  const adapter = await openModel(account, log, { originHash });
  adapter.write("deposit", { amount: 4n });
  const waiting = adapter.waitForSeq(7n);
  const token = adapter.waitForToken(adapter.token(7n), { deadlineMs: 60_000 });
  adapter.close();
  adapter.close();
  await expect(waiting).rejects.toMatchObject({
    code: "FOLD_STOPPED",
    message: "cortex: wait_for_seq: fold task stopped; folded_through=Some(0)",
  });
  await expect(token).rejects.toThrow(
    "cortex: wait_for_token: fold task stopped before reaching token seq (applied through 0)",
  );
  expect(() => adapter.write("deposit", { amount: 1n })).toThrow(
    "cortex: deposit failed: adapter closed",
  );
  log.append(event(0x80, 3n, 0n, 1n));
  expect(adapter.read.balance()).toBe(4n);
  expect(adapter.running).toBe(false);
  await expect(adapter.waitForSeq(0n)).resolves.toBeUndefined();
});

it("says that nothing was folded or applied when it is closed before the first event", async () => {
  const adapter = await openModel(account, await memoryLog(), { originHash });
  adapter.close();
  await expect(adapter.waitForSeq(0n)).rejects.toThrow(
    "cortex: wait_for_seq: fold task stopped; folded_through=None",
  );
  await expect(adapter.waitForToken(adapter.token(0n))).rejects.toThrow(
    "cortex: wait_for_token: fold task stopped before applying any event",
  );
});

it("ends with its log, and passes on why a write is refused", async () => {
  const log = await memoryLog();
  const adapter = await TasksAdapter.open(log, { originHash });
  adapter.create(1n, "one", 1n);
  const waiting = adapter.waitForSeq(9n);
  await Promise.all([expect(waiting).rejects.toMatchObject({ code: "FOLD_STOPPED" }), log.close()]);
  expect(adapter.running).toBe(false);
  expect(() => adapter.create(2n, "two", 2n)).toThrow(
    expect.objectContaining({ code: "LOG", message: "cortex: create failed: redex: file closed" }),
  );
  expect(adapter.list()).toHaveLength(1);
});

it("never folds an event twice when it is restored, though one was skipped", async () => {
  const log = await memoryLog();
  const adapter = await openModel(account, log, { originHash });
  adapter.write("deposit", { amount: 1n });
  log.append(new Uint8Array(3));
  adapter.write("deposit", { amount: 10n });
  const restored = await openModel(account, log, { originHash, restore: adapter.snapshot() });
  expect(restored.read.balance()).toBe(11n);
  restored.write("deposit", { amount: 100n });
  expect(restored.read.balance()).toBe(111n);
  expect(adapter.read.balance()).toBe(111n);
});

it("reads a snapshot over a shorter log, but writes nothing that would never be folded", async () => {
  const adapter = await openModel(account, await memoryLog(), { originHash });
  adapter.write("deposit", { amount: 1n });
  adapter.write("note", { text: "hello" });
  const elsewhere = await memoryLog();
  const restored = await openModel(account, elsewhere, { originHash, restore: adapter.snapshot() });
  expect(restored.read.balance()).toBe(1n);
  expect(restored.read.notes()).toEqual(["hello"]);
  await expect(restored.waitForSeq(1n)).resolves.toBeUndefined();
  expect(() => restored.write("deposit", { amount: 1n })).toThrow(
    expect.objectContaining({ code: "LOG_BEHIND_SNAPSHOT" }),
  );
  expect(elsewhere.length).toBe(0);
});

it("does not restore a snapshot whose next events the log has evicted", async () => {
  const redex = await Redex.open();
  const log = await redex.openFile("app/account", { retentionMaxEvents: 2 });
  const adapter = await openModel(account, log, { originHash });
  adapter.write("deposit", { amount: 1n });
  const snapshot = adapter.snapshot();
  for (let count = 0; count < 9; count += 1) adapter.write("deposit", { amount: 1n });
  expect(adapter.read.balance()).toBe(10n);
  await expect(openModel(account, log, { originHash, restore: snapshot })).rejects.toMatchObject({
    code: "EVENTS_GONE",
  });
  const newest = await openModel(account, log, { originHash, restore: adapter.snapshot() });
  expect(newest.read.balance()).toBe(10n);
  await redex.close();
});

it.each([
  [new Uint8Array(0), 0n, "app/account snapshot unwrap: Hit the end of buffer"],
  [new Uint8Array([0, 1, 5]), 0n, "deserialize snapshot: Hit the end of buffer"],
  [new Uint8Array([0, 2, 0, 0]), 0xffffffffffffffffn, "last_seq at u64::MAX; cannot resume"],
])("refuses a snapshot that is none: %#", async (bytes, lastSeq, text) => {
  await expect(
    openModel(account, await memoryLog(), { originHash, restore: { bytes, lastSeq } }),
  ).rejects.toMatchObject({ code: "DECODE", message: expect.stringContaining(text) });
});

it("stops opening when its caller has gone", async () => {
  const log = await memoryLog();
  log.append(event(0x80, 3n, 0n, 1n));
  await expect(
    openModel(account, log, { originHash, signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ code: "ABORTED" });
});

it("refuses definitions that contradict themselves", () => {
  const noop = operation(0x80, struct({ amount: u64 }), (state: number) => state);
  const define = (operations: { readonly a: typeof noop; readonly b: typeof noop }) =>
    defineModel({
      channel: "app/x",
      initial: () => 0,
      snapshot: { minimumBytes: 0, check: (n: number) => n, write: () => {}, read: () => 0 },
      operations,
      queries: () => ({}),
    });
  expect(() => define({ a: noop, b: noop })).toThrow(/0x80 of b is taken/u);
  expect(() => define({ a: noop, b: { ...noop, dispatch: 256 } })).toThrow(/found 256/u);
});
