// What a million queued events cost: run with --expose-gc, prints bytes.
import { EventBus } from "@gaiaftcl/event-bus";

const count = Number(process.argv[2]);
const collect = globalThis.gc;
if (collect === undefined) throw new Error("run with --expose-gc");

const bus = new EventBus({
  numShards: 1,
  ringBufferCapacity: 2 ** Math.ceil(Math.log2(count + 1)),
  backpressure: "failProducer",
  // A backend that takes the first batch and never answers: everything behind it is queued.
  adapter: {
    name: "stuck",
    append: () => new Promise(() => undefined),
    read: () => ({ events: [], position: undefined, more: false, unreadable: 0, missed: 0 }),
    close: () => Promise.resolve(),
  },
});
// The kernel's own memory and compiled code are there before, as is the peer's before its run.
for (let i = 0; i < 20_000; i += 1) bus.ingestRaw(`{"token": "hello", "index": ${1_000_000 + i}}`);
collect();
const before = process.memoryUsage().rss;
for (let i = 0; i < count; i += 1) bus.ingestRaw(`{"token": "hello", "index": ${1_000_000 + i}}`);
collect();
const { rss } = process.memoryUsage();
if (bus.stats().ingested !== count + 20_000) throw new Error("not every event was queued");
console.log(rss - before);
process.exit(0);
