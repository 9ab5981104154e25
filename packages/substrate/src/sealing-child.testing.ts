/**
 * A process of its own that seals until it is killed or done, for the tests of faults. It runs as
 * TypeScript under Node, so it imports nothing but packages by name, which means the built code.
 */
import { appendFileSync, writeSync } from "node:fs";
import { Outbox, openSubstrate, SealQueue, SubstrateError } from "@gaiaftcl/substrate";

interface Instructions {
  readonly path: string;
  /** Begins every id. */
  readonly name: string;
  readonly count: number;
  readonly valueLength: number;
  /** Publishes into this file, one id a line. */
  readonly publishTo?: string;
  /** Gives up all rights over the files of others first. */
  readonly dropPrivileges?: boolean;
}

const NOBODY = 65534;
const instructions = JSON.parse(process.argv[2] ?? "{}") as Instructions;
const { path, name, count, valueLength, publishTo, dropPrivileges } = instructions;

if (dropPrivileges === true && process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}

try {
  const substrate = openSubstrate(path, { cellId: "cell-alpha", domainId: "qc020" });
  const outbox =
    publishTo === undefined
      ? undefined
      : new Outbox(substrate, publisher(publishTo), { pollIntervalMs: 20, batchRows: 8 });
  const queue = new SealQueue(substrate);
  for (let n = 0; n < count; n += 8) {
    const ids = Array.from({ length: Math.min(8, count - n) }, (_, k) => `${name}-${n + k}`);
    // Groups and single rows in turn, so that a kill meets both.
    const [single, ...grouped] = ids;
    substrate.seal("research_telemetry", columns(single ?? ""));
    say(single ?? "");
    await Promise.all(
      grouped.map((id) => queue.seal("research_telemetry", columns(id)).then(() => say(id))),
    );
  }
  await outbox?.drained();
  await outbox?.close();
  await queue.close();
  substrate.close();
  say("done");
} catch (error) {
  if (!(error instanceof SubstrateError)) throw error;
  say(`error ${error.code} ${error.message}`);
}

function columns(id: string): Record<string, string> {
  return { telemetry_id: id, metric: "drift", value_text: "x".repeat(valueLength) };
}

/** Synchronous, so that what was said before a kill has been said. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function publisher(file: string): {
  publish: (subject: string, event: Uint8Array) => void;
  flush: () => Promise<void>;
} {
  let batch = "";
  return {
    publish(_subject, event) {
      const { row } = JSON.parse(new TextDecoder().decode(event)) as {
        row: { telemetry_id: string };
      };
      batch += `${row.telemetry_id}\n`;
    },
    async flush() {
      appendFileSync(file, batch);
      batch = "";
    },
  };
}
