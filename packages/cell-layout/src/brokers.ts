/** The two NATS brokers of a cell (cell format, section 7). */
export type Broker = "substrate" | "franklin";

/** The URL of each broker; one server may be both. */
export interface BrokerUrls {
  readonly substrate: string;
  readonly franklin: string;
}

const SUBSTRATE_PREFIX: readonly string[] = ["gaiaftcl", "substrate"];

/**
 * The broker URLs an environment asks for: `GAIAFTCL_VQBIT_NATS_URL`, then `GAIAFTCL_NATS_URL`, for
 * the substrate's; `GAIAFTCL_FRANKLIN_NATS_URL` for Franklin's; otherwise the fixed loopback ports.
 * An empty variable counts as unset.
 */
export function brokerUrls(env: Readonly<Record<string, string | undefined>>): BrokerUrls {
  const { GAIAFTCL_VQBIT_NATS_URL, GAIAFTCL_NATS_URL, GAIAFTCL_FRANKLIN_NATS_URL } = env;
  return {
    substrate: GAIAFTCL_VQBIT_NATS_URL || GAIAFTCL_NATS_URL || "nats://127.0.0.1:4222",
    franklin: GAIAFTCL_FRANKLIN_NATS_URL || "nats://127.0.0.1:4223",
  };
}

/**
 * The broker that carries a literal subject: `gaiaftcl.substrate.>` goes to the substrate's, all
 * else to Franklin's.
 */
export function brokerFor(subject: string): Broker {
  return subject.startsWith("gaiaftcl.substrate.") ? "substrate" : "franklin";
}

/**
 * The brokers a subscription has to be made at, so that a pattern such as `gaiaftcl.>` misses
 * nothing: every broker that carries a subject the pattern matches.
 *
 * @param pattern a valid NATS subject or pattern, with the wildcards `*` and a trailing `>`.
 */
export function brokersFor(pattern: string): readonly Broker[] {
  const tokens = pattern.split(".");
  const reach = SUBSTRATE_PREFIX.map((token, index) => covers(tokens, index, token));
  const matchesSubstrate = reach.every((match) => match !== "none") && isDeep(tokens);
  if (!matchesSubstrate) return ["franklin"];
  return reach.every((match) => match === "literal") ? ["substrate"] : ["substrate", "franklin"];
}

function covers(
  tokens: readonly string[],
  index: number,
  token: string,
): "literal" | "wild" | "none" {
  if (tokens[index] === token) return "literal";
  if (tokens[index] === "*" || tokens.slice(0, index + 1).includes(">")) return "wild";
  return "none";
}

/** Whether a pattern reaches below the two tokens of the substrate's prefix. */
function isDeep(tokens: readonly string[]): boolean {
  return tokens.length > SUBSTRATE_PREFIX.length || tokens.at(-1) === ">";
}
