import { connect } from "node:net";
import type { Broker, BrokerUrls } from "@gaiaftcl/cell-layout";
import { NatsBroker } from "@gaiaftcl/nats-broker";
import { CellError } from "./cell-error.js";

/** What to do where no server answers at a broker's URL. */
export type BrokerPolicy =
  /** Start an embedded broker at that port; refuse a port taken by something else. */
  | "embed"
  /** Always start embedded brokers of our own; take a free port where the usual one is taken. */
  | "own"
  /** Start none: connect when the server comes. */
  | "external";

/** The two brokers of a running cell. */
export interface CellBrokers extends AsyncDisposable {
  readonly urls: BrokerUrls;
  /** The brokers that this process serves itself. */
  readonly embedded: readonly Broker[];
}

const probeTimeoutMs = 2_000;

/** Makes sure that there is a broker at each URL, as far as the policy permits. */
export async function openBrokers(urls: BrokerUrls, policy: BrokerPolicy): Promise<CellBrokers> {
  const substrate = await startWhereNeeded(urls.substrate, policy);
  const shared = urls.franklin === urls.substrate;
  let franklin: NatsBroker | undefined;
  try {
    franklin = shared ? undefined : await startWhereNeeded(urls.franklin, policy);
  } catch (error) {
    await substrate?.close();
    throw error;
  }
  const substrateUrl = substrate?.url ?? urls.substrate;
  return {
    urls: {
      substrate: substrateUrl,
      franklin: shared ? substrateUrl : (franklin?.url ?? urls.franklin),
    },
    embedded: [
      ...(substrate === undefined ? [] : (["substrate"] as const)),
      ...(franklin === undefined ? [] : (["franklin"] as const)),
    ],
    [Symbol.asyncDispose]: async () => {
      await Promise.all([substrate?.close(), franklin?.close()]);
    },
  };
}

async function startWhereNeeded(
  url: string,
  policy: BrokerPolicy,
): Promise<NatsBroker | undefined> {
  const address = loopbackAddress(url);
  if (policy === "external" || address === undefined) return undefined;
  if (policy === "own") return listenNear(address);
  const found = await probe(address);
  if (found === "nats") return undefined;
  if (found === "other") {
    throw new CellError(
      "BROKER",
      `${url}: the port is taken by something that is not a NATS server; stop it, or name another address in GAIAFTCL_NATS_URL and GAIAFTCL_FRANKLIN_NATS_URL`,
    );
  }
  return NatsBroker.listen(address);
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The address of a plain loopback URL; a broker anywhere else, or behind TLS, is never ours to start. */
function loopbackAddress(url: string): Address | undefined {
  if (!URL.canParse(url)) {
    throw new CellError("CONFIGURATION", `${JSON.stringify(url)} is not the URL of a NATS server`);
  }
  const { protocol, hostname, port, username } = new URL(url);
  if (protocol !== "nats:" || username !== "") return undefined;
  if (hostname !== "127.0.0.1" && hostname !== "localhost") return undefined;
  return { host: "127.0.0.1", port: port === "" ? 4222 : Number(port) };
}

async function listenNear(address: Address): Promise<NatsBroker> {
  try {
    return await NatsBroker.listen(address);
  } catch (error) {
    if (!isAddressInUse(error)) throw error;
    return NatsBroker.listen({ host: address.host, port: 0 });
  }
}

function isAddressInUse(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (Reflect.get(cause, "code") === "EADDRINUSE") return true;
  }
  return Reflect.get(error as object, "code") === "ADDRESS_IN_USE";
}

/** A NATS server speaks first, with `INFO`; silence or anything else means that it is not one. */
function probe(address: Address): Promise<"nats" | "other" | "nothing"> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const answer = (found: "nats" | "other" | "nothing"): void => {
      socket.destroy();
      resolve(found);
    };
    socket.setTimeout(probeTimeoutMs, () => answer("other"));
    socket.once("data", (chunk) =>
      answer(chunk.toString("latin1").startsWith("INFO ") ? "nats" : "other"),
    );
    socket.once("end", () => answer("other"));
    socket.once("error", () => answer("nothing"));
  });
}
