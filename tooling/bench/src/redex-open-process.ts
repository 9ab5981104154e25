// Opens a log and says how long that took and what memory it needs; a process of its own, so that
// nothing else is counted.
import { Redex } from "@gaiaftcl/redex";

const directory = process.argv[2] as string;
const before = process.memoryUsage();
const start = performance.now();
const redex = await Redex.open(directory);
const file = await redex.openFile("log");
const elapsed = performance.now() - start;
globalThis.gc?.();
const after = process.memoryUsage();
const answer = {
  ms: elapsed,
  events: file.length,
  bytes: after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers,
};
await redex.close();
console.log(JSON.stringify(answer));
