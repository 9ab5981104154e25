import { CanonicalJsonError, encode } from "@gaiaftcl/canonical-json";
import { type SealIdentity, verifySeal } from "@gaiaftcl/witness";
import { CheckList, type Requirement, type RowReport } from "./row-report.js";
import { joinWitness, parseRowWitness, payloadDigest } from "./row-witness.js";
import { SealedRowError } from "./sealed-row-error.js";
import { ensureSealedTable, type RowRecord, type SealedTable } from "./sealed-table.js";

/** One request of an operator and what came of it (cell format, section 6). */
export interface Command {
  /** The id the server gave it. */
  readonly commandId: string;
  readonly requestId: string;
  readonly operatorContext: string;
  readonly method: string;
  readonly args: unknown;
  /** An object whose `status` is text. */
  readonly outcome: unknown;
}

/**
 * The own columns of the `franklin_commands` row of a request: the server seals them, and the
 * client, which has the request and the outcome, computes the same ones and so the same digest.
 * Arguments and outcome are stored as their canonical JSON.
 *
 * @throws SealedRowError `COMMAND_INVALID` where arguments or outcome have no canonical JSON, or
 *   the outcome no status
 */
export function commandRow(command: Command): RowRecord {
  return {
    command_id: command.commandId,
    request_id: command.requestId,
    operator_context: command.operatorContext,
    method: command.method,
    args_json: jsonText("args", command.args),
    status: statusOf(command.outcome),
    outcome_json: jsonText("outcome", command.outcome),
  };
}

/** What a Franklin client holds when a response has come. */
export interface ResponseInput {
  /** The request as this client sent it. */
  readonly request: {
    readonly requestId: string;
    readonly operatorContext: string;
    readonly method: string;
    readonly args: unknown;
  };
  /** The response as received; nothing in it is trusted. */
  readonly response: {
    readonly outcome: unknown;
    readonly canonicalWitness: string;
    readonly witnessHash: string;
    readonly signatureQuintet: readonly string[];
  };
}

/** With keys, an `ed25519:` entry of each of the five contexts is required. */
export type VerifyResponseOptions = Requirement;

/**
 * Verifies that a response is sealed, and for this very request (cell format, section 6): takes
 * command id, time, cell, domain and previous hash from the witness text, computes the payload
 * digest from the request that was sent and the outcome that came, and demands that they make the
 * same text. A command row mirrors no artifact and no block: those two facet values are empty.
 *
 * @returns a report; a response that fails is never an exception
 */
export function verifyResponse(
  input: ResponseInput,
  options: VerifyResponseOptions = {},
): RowReport {
  const { response } = input;
  const table = ensureSealedTable("franklin_commands");
  const checks = new CheckList();
  const named = parseRowWitness(response.canonicalWitness);
  const subject = { table: table.name, id: named?.id, witnessHash: response.witnessHash };
  if (named === undefined || named.table !== table.name || named.id === "") {
    checks.fail("witness form", `expected the witness of a row of ${table.name}`);
    return checks.report(subject, "none", options);
  }
  checks.pass("witness form");
  const expected = expectedDigest(table, named.id, input);
  const isNamed = checks.expect(
    "request",
    named.payloadDigest === expected.digest
      ? undefined
      : (expected.problem ??
          "the witness does not cover the request sent and the outcome received"),
  );
  const identity: SealIdentity = { cellId: named.cellId, domainId: named.domainId };
  const seal = verifySeal(
    identity,
    {
      canonicalWitness: response.canonicalWitness,
      witnessHash: response.witnessHash,
      quintet: response.signatureQuintet,
    },
    {
      expectedWitness: isNamed ? joinWitness(table.name, named) : "",
      keys: options.keys,
      require: options.require,
    },
  );
  return checks.report(subject, seal.level, options, seal.checks);
}

function expectedDigest(
  table: SealedTable,
  commandId: string,
  { request, response }: ResponseInput,
): { readonly digest?: string; readonly problem?: string } {
  try {
    const row = commandRow({ ...request, commandId, outcome: response.outcome });
    return { digest: payloadDigest(table, row) };
  } catch (cause) {
    if (!(cause instanceof SealedRowError)) throw cause;
    return { problem: cause.message };
  }
}

function statusOf(outcome: unknown): string {
  if (typeof outcome === "object" && outcome !== null && "status" in outcome) {
    if (typeof outcome.status === "string") return outcome.status;
  }
  throw new SealedRowError("COMMAND_INVALID", "outcome: expected an object with a text status");
}

function jsonText(what: string, value: unknown): string {
  try {
    return encode(value);
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw new SealedRowError("COMMAND_INVALID", `${what}: ${cause.message}`, { cause });
  }
}
