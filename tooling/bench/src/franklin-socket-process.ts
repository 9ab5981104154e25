import { createServer } from "node:net";
import { join } from "node:path";
import { type CommandSealer, FranklinServer } from "@gaiaftcl/franklin-socket/server";
import { GENESIS_HASH, type RowRecord, sealRow } from "@gaiaftcl/sealed-row";
import { openSubstrate, SealQueue } from "@gaiaftcl/substrate";
import { publicKeyOf } from "@gaiaftcl/witness/ed25519";
import { benchOperator } from "./franklin-socket-operator.ts";

// A daemon, or the bare echo it is compared with, in a process of its own.
const [kind = "", directory = ""] = process.argv.slice(2);
const socketPath = join(directory, `${kind}.sock`);

if (kind === "echo") {
  createServer((socket) => socket.on("error", () => undefined).pipe(socket)).listen(
    socketPath,
    () => console.log(socketPath),
  );
} else {
  const { operatorContext, privateKey } = benchOperator;
  const server = await FranklinServer.listen({
    socketPath,
    operators: new Map([
      [operatorContext, { context: operatorContext, publicKey: publicKeyOf(privateKey) }],
    ]),
    handler: ({ method }) =>
      method === "franklin_authority_show"
        ? {
            status: "ok",
            authority_tunables: { command_timeout_seconds: 30, heartbeat_seconds: 60 },
            self_model_version: "1.0.0",
            autonomy_envelope: { external_submission: "never", miner: "blocked" },
          }
        : { status: "refused", code: "UNKNOWN_VERB", reason: `no verb ${method}` },
    seal: kind === "database" ? databaseSealer() : memorySealer(),
  });
  console.log(server.socketPath);
}

/** The daemon's own way: rows in SQLite, those of one turn in one transaction, flushed to the disk. */
function databaseSealer(): CommandSealer {
  const substrate = openSubstrate(join(directory, "substrate.sqlite"), {
    cellId: "bench",
    domainId: "bench",
  });
  const queue = new SealQueue(substrate);
  return async (columns) => sealOf(await queue.seal("franklin_commands", columns));
}

/** The same hashes without a database: what the socket alone costs. */
function memorySealer(): CommandSealer {
  let previous: string = GENESIS_HASH;
  return (columns) => {
    const row = sealRow("franklin_commands", {
      columns,
      cellId: "bench",
      domainId: "bench",
      sealedAtIso: new Date().toISOString(),
      previous,
    });
    previous = String(row["witness_hash_sha256"]);
    return sealOf(row);
  };
}

function sealOf(row: RowRecord): Awaited<ReturnType<CommandSealer>> {
  return {
    canonicalWitness: String(row["canonical_witness"]),
    witnessHash: String(row["witness_hash_sha256"]),
    quintet: JSON.parse(String(row["signature_quintet"])) as string[],
  };
}
