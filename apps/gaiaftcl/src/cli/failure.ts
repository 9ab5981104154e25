import { CommandError } from "./command-error.js";
import { type ExitCode, exitCodes } from "./output.js";
import type { Session } from "./session.js";

/** How a failed command is reported. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** The command to type next. */
  readonly next: string;
  readonly exitCode: ExitCode;
}

interface Advice {
  readonly exitCode: ExitCode;
  /** The words after `gaiaftcl`. */
  readonly next: string;
}

const { blocked, refused } = exitCodes;

/** What to do about the errors of the packages, by class; a code of its own comes first. */
const advice: Readonly<Record<string, Readonly<Record<string, Advice>>>> = {
  CellError: {
    NOT_RUNNING: { exitCode: blocked, next: "cell start" },
    CONFIGURATION: { exitCode: refused, next: "doctor" },
    "*": { exitCode: blocked, next: "doctor" },
  },
  CellLayoutError: { "*": { exitCode: refused, next: "doctor" } },
  CortexError: { "*": { exitCode: blocked, next: "doctor" } },
  FranklinError: {
    NOT_RUNNING: { exitCode: blocked, next: "cell start" },
    SOCKET_MISSING: { exitCode: blocked, next: "cell start" },
    HANDSHAKE_REFUSED: { exitCode: refused, next: "keys show" },
    FEDERATION_KEY: { exitCode: refused, next: "keys show" },
    RESPONSE_UNVERIFIED: { exitCode: refused, next: "doctor" },
    "*": { exitCode: blocked, next: "cell status" },
  },
  KeyStoreError: {
    CONTEXT: { exitCode: exitCodes.usage, next: "keys --help" },
    NOT_FOUND: { exitCode: blocked, next: "keys generate" },
    EXISTS: { exitCode: refused, next: "keys show" },
    "*": { exitCode: refused, next: "keys check" },
  },
  ManifestError: { "*": { exitCode: refused, next: "mesh verify --help" } },
  MeshLoaderError: {
    MODULE_NAME: { exitCode: exitCodes.usage, next: "mesh --help" },
    NAME_RESERVED: { exitCode: exitCodes.usage, next: "mesh publish --help" },
    ARGUMENT: { exitCode: exitCodes.usage, next: "mesh --help" },
    "*": { exitCode: refused, next: "mesh list" },
  },
  NatsBrokerError: { "*": { exitCode: blocked, next: "doctor" } },
  NatsSubjectError: { "*": { exitCode: exitCodes.usage, next: "subscribe --help" } },
  NatsSubscribeError: {
    SUBJECT_INVALID: { exitCode: exitCodes.usage, next: "subscribe --help" },
    OPTION_INVALID: { exitCode: exitCodes.usage, next: "subscribe --help" },
    "*": { exitCode: blocked, next: "doctor" },
  },
  NetControlError: {
    NOT_RUNNING: { exitCode: blocked, next: "net up" },
    NOT_ANSWERING: { exitCode: blocked, next: "net nodes" },
    ALREADY_RUNNING: { exitCode: refused, next: "net nodes" },
    NO_KEYS: { exitCode: blocked, next: "net keygen" },
    KEYS_EXIST: { exitCode: refused, next: "net up" },
    KEY_FILE: { exitCode: refused, next: "net keygen --help" },
    SOCKET: { exitCode: blocked, next: "doctor" },
    ARGUMENT: { exitCode: exitCodes.usage, next: "net --help" },
    "*": { exitCode: blocked, next: "net nodes" },
  },
  NetCapabilityError: { "*": { exitCode: exitCodes.usage, next: "net announce --help" } },
  NetMeshError: {
    INVALID_OPTION: { exitCode: exitCodes.usage, next: "net up --help" },
    SOCKET: { exitCode: blocked, next: "net up --help" },
    "*": { exitCode: blocked, next: "net nodes" },
  },
  RedexError: { "*": { exitCode: blocked, next: "doctor" } },
  SealedReaderError: {
    OPTION_INVALID: { exitCode: exitCodes.usage, next: "substrate --help" },
    NOT_A_DATABASE: { exitCode: refused, next: "doctor" },
    CORRUPT: { exitCode: refused, next: "doctor" },
    SCHEMA_REFUSED: { exitCode: refused, next: "doctor" },
    TABLE_NOT_REAL: { exitCode: refused, next: "doctor" },
    CHECKPOINT_INVALID: { exitCode: refused, next: "substrate checkpoint --help" },
    EVIDENCE_INVALID: { exitCode: refused, next: "substrate evidence-bundle --help" },
    "*": { exitCode: blocked, next: "doctor" },
  },
  SubstrateError: { "*": { exitCode: blocked, next: "doctor" } },
  WitnessError: { "*": { exitCode: refused, next: "keys check" } },
};

/** Turns whatever a command threw into what a person can act on. */
export function failureOf(error: unknown, session: Session | undefined): Failure {
  const command = (words: string): string => session?.command(words) ?? `gaiaftcl ${words}`;
  if (error instanceof CommandError) {
    const { code, message, next, exitCode } = error;
    return { code, message, next: command(next), exitCode };
  }
  if (!(error instanceof Error)) {
    return { code: "UNKNOWN", message: String(error), next: command("doctor"), exitCode: blocked };
  }
  const code = String(Reflect.get(error, "code") ?? error.name);
  const known = advice[error.name];
  const { exitCode, next } = known?.[code] ?? known?.["*"] ?? { exitCode: blocked, next: "doctor" };
  return { code, message: error.message, next: command(next), exitCode };
}
