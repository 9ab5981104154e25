import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BrokerUrls, brokerUrls, type CellLayout } from "@gaiaftcl/cell-layout";
import { ensureIdentityText } from "@gaiaftcl/witness";
import { parse } from "smol-toml";
import * as v from "valibot";
import { CellError } from "./cell-error.js";

/** What one cell is and how it behaves: `cell.toml`, over defaults. */
export interface CellConfiguration {
  readonly cellId: string;
  readonly domainId: string;
  /** Seconds between two sealed heartbeats. */
  readonly heartbeatSeconds: number;
  /** Seconds after which a forwarded command without an answer is `blocked`. */
  readonly commandTimeoutSeconds: number;
  /** Whether the cell may start an embedded broker where none answers. */
  readonly embeddedBrokers: boolean;
  readonly brokers: BrokerUrls;
  /** The size in bytes from which the database refuses to grow; as far as the disk reaches unless given. */
  readonly maxDatabaseBytes: number | undefined;
}

const wholeNumber = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const fileSchema = v.strictObject({
  cell_id: v.optional(v.string()),
  domain_id: v.optional(v.string()),
  heartbeat_seconds: v.optional(wholeNumber(1, 86_400)),
  command_timeout_seconds: v.optional(wholeNumber(1, 3_600)),
  max_database_bytes: v.optional(wholeNumber(65_536, Number.MAX_SAFE_INTEGER)),
  brokers: v.optional(
    v.strictObject({
      embedded: v.optional(v.boolean()),
      substrate: v.optional(v.string()),
      franklin: v.optional(v.string()),
    }),
  ),
});

/** The path of a cell's settings file. */
export function configurationPath(layout: CellLayout): string {
  return join(layout.home, "cell.toml");
}

/**
 * Reads `cell.toml` of the home, if there is one, and fills the rest with defaults. The environment
 * variables of the brokers come before the file (cell format, section 7).
 *
 * @throws CellError `CONFIGURATION` for a file that cannot be read or used; it is never ignored
 */
export async function loadConfiguration(
  layout: CellLayout,
  env: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
): Promise<CellConfiguration> {
  const path = configurationPath(layout);
  const file = parseFile(path, await readIfPresent(path));
  const fromEnvironment = brokerUrls(env);
  const named = (names: readonly string[]): boolean => names.some((name) => Boolean(env[name]));
  return {
    cellId: identity(path, "cell_id", file.cell_id ?? defaultCellId(platform)),
    domainId: identity(path, "domain_id", file.domain_id ?? "franklin"),
    heartbeatSeconds: file.heartbeat_seconds ?? 60,
    commandTimeoutSeconds: file.command_timeout_seconds ?? 30,
    embeddedBrokers: file.brokers?.embedded ?? true,
    maxDatabaseBytes: file.max_database_bytes,
    brokers: {
      substrate: named(["GAIAFTCL_VQBIT_NATS_URL", "GAIAFTCL_NATS_URL"])
        ? fromEnvironment.substrate
        : (file.brokers?.substrate ?? fromEnvironment.substrate),
      franklin: named(["GAIAFTCL_FRANKLIN_NATS_URL"])
        ? fromEnvironment.franklin
        : (file.brokers?.franklin ?? fromEnvironment.franklin),
    },
  };
}

function defaultCellId(platform: string): string {
  const names: Readonly<Record<string, string>> = { darwin: "mac", win32: "windows" };
  return `gaiaftcl-${names[platform] ?? platform}-cell`;
}

function identity(path: string, name: string, value: string): string {
  if (value === "") throw new CellError("CONFIGURATION", `${path}: ${name} is empty`);
  try {
    return ensureIdentityText(name, value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CellError("CONFIGURATION", `${path}: ${reason}`, { cause });
  }
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw new CellError("CONFIGURATION", `${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function parseFile(path: string, text: string): v.InferOutput<typeof fileSchema> {
  let table: unknown;
  try {
    table = parse(text);
  } catch (cause) {
    throw new CellError("CONFIGURATION", `${path} is not TOML: ${(cause as Error).message}`, {
      cause,
    });
  }
  const result = v.safeParse(fileSchema, table);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new CellError(
    "CONFIGURATION",
    `${path}: ${v.getDotPath(issue) ?? "the file"}: ${issue.message}; see the settings in the README of @gaiaftcl/cell`,
  );
}
