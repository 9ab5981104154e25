import {
  parseRowWitness,
  type RowReport,
  type RowWitnessFields,
  verifyResponse,
} from "@gaiaftcl/sealed-row";
import type { FederationKeys } from "@gaiaftcl/witness";
import { FranklinError, quote } from "./franklin-error.js";
import type { ResponseMessage } from "./message.js";
import { isOutcome, type Outcome } from "./outcome.js";
import type { OutgoingRequest } from "./outgoing-request.js";

/** A response whose seal was verified for the request it answers. */
export interface VerifiedResponse {
  readonly requestId: string;
  readonly outcome: Outcome;
  /** Every check of the seal; `report.ok` is true. */
  readonly report: RowReport;
  readonly seal: {
    readonly canonicalWitness: string;
    readonly witnessHash: string;
    readonly quintet: readonly string[];
  };
  /** The id of the row in `franklin_commands`. */
  readonly commandId: string;
  readonly sealedAtIso: string;
  readonly cellId: string;
  readonly domainId: string;
}

/**
 * Verifies the responses of one connection (cell format, section 6): each must be sealed as the row
 * of the very request it answers, by the cell that sealed the ones before, and not before a
 * response that had come when the request was sent.
 */
export class ResponseVerifier {
  readonly #operatorContext: string;
  readonly #keys: FederationKeys | undefined;
  #newest = "";
  #cell: { readonly cellId: string; readonly domainId: string } | undefined;

  constructor(operatorContext: string, keys: FederationKeys | undefined) {
    this.#operatorContext = operatorContext;
    this.#keys = keys;
  }

  /** The newest seal time seen: nothing asked from now on can be sealed before it. */
  get newest(): string {
    return this.#newest;
  }

  /**
   * @param notBefore what `newest` was when the request was sent
   * @throws FranklinError `RESPONSE_UNVERIFIED` with the report; `SEAL_FAILED` where the server says
   *   that it could not seal; `PROTOCOL_VIOLATION` for an outcome that is none
   */
  verify(request: OutgoingRequest, notBefore: string, response: ResponseMessage): VerifiedResponse {
    const { requestId, method } = request;
    const { outcome } = response;
    if (!isOutcome(outcome)) {
      throw new FranklinError(
        "PROTOCOL_VIOLATION",
        `the outcome of ${quote(requestId)}: expected status ok, refused or blocked, and a code and reason unless ok`,
      );
    }
    if (isUnsealed(response, outcome)) throw new FranklinError("SEAL_FAILED", outcome.reason);
    const seal = {
      canonicalWitness: response.canonical_witness,
      witnessHash: response.witness_hash,
      quintet: response.signature_quintet,
    };
    const report = this.#report(request, outcome, seal);
    const named = parseRowWitness(seal.canonicalWitness);
    const problem = report.ok ? this.#disagreement(notBefore, named) : report.summary;
    if (problem !== undefined || named === undefined) {
      throw new FranklinError(
        "RESPONSE_UNVERIFIED",
        `the response to ${quote(method)} does not verify: ${problem}`,
        { report },
      );
    }
    const { cellId, domainId, sealedAtIso } = named;
    this.#cell = { cellId, domainId };
    if (sealedAtIso > this.#newest) this.#newest = sealedAtIso;
    return { requestId, outcome, report, seal, commandId: named.id, sealedAtIso, cellId, domainId };
  }

  #report(request: OutgoingRequest, outcome: Outcome, seal: VerifiedResponse["seal"]): RowReport {
    const { requestId, method, args } = request;
    return verifyResponse(
      {
        request: { requestId, operatorContext: this.#operatorContext, method, args },
        response: {
          outcome,
          canonicalWitness: seal.canonicalWitness,
          witnessHash: seal.witnessHash,
          signatureQuintet: seal.quintet,
        },
      },
      this.#keys === undefined ? { require: "facets" } : { keys: this.#keys },
    );
  }

  /** What a seal that is good by itself still must agree with: what this connection has seen. */
  #disagreement(notBefore: string, named: RowWitnessFields | undefined): string | undefined {
    if (named === undefined) return "it has no row witness";
    if (named.sealedAtIso < notBefore) {
      return `it was sealed at ${named.sealedAtIso}, but a response sealed at ${notBefore} had come before the request was sent`;
    }
    const cell = this.#cell;
    if (cell === undefined) return undefined;
    return cell.cellId === named.cellId && cell.domainId === named.domainId
      ? undefined
      : `it was sealed by cell ${quote(named.cellId)} of ${quote(named.domainId)}, earlier ones by ${quote(cell.cellId)} of ${quote(cell.domainId)}`;
  }
}

function isUnsealed(
  response: ResponseMessage,
  outcome: Outcome,
): outcome is Outcome & { readonly reason: string } {
  return (
    outcome.status !== "ok" && outcome.code === "SEAL_FAILED" && response.canonical_witness === ""
  );
}
