// A writer to be killed: appends events that tell their own number, and says on its output which
// have been appended, and which were promised to survive a power cut.
import { writeSync } from "node:fs";
import { Redex } from "@gaiaftcl/redex";

const [directory, policy] = process.argv.slice(2);
const options = {
  none: {},
  everyN: { fsyncEveryN: 3 },
  interval: { fsyncIntervalMs: 1 },
  retention: { retentionMaxBytes: 200_000, fsyncEveryN: 50 },
}[policy];
const redex = await Redex.open(directory);
const file = await redex.openFile("killed/log", options);
const say = (what, seq) => writeSync(1, `${what} ${seq}\n`);
const payload = (seq) => Buffer.alloc(20 + Number((seq * 131n) % 700n), `${seq},`);

say("start", file.nextSeq);
for (let turn = 0; ; turn += 1) {
  const seq = file.nextSeq;
  if (turn % 5 === 0) file.appendBatch([payload(seq), payload(seq + 1n), payload(seq + 2n)]);
  else file.append(payload(seq));
  say("appended", file.nextSeq - 1n);
  if (turn % 16 === 0) await file.appendDurable(payload(file.nextSeq));
  if (turn % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
}
