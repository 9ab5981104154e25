import { isReachableFromOutside } from "./external-address.js";
import { askOverUdp } from "./udp-question.js";
import { urlOnHost } from "./url-on-host.js";

export interface GatewaySearch {
  /** Where to search: the SSDP group, or one gateway. */
  readonly to: { readonly ip: string; readonly port: number };
  readonly from: string | undefined;
  /** Only this address may answer; any of the local network when left out. */
  readonly gateway: string | undefined;
}

const SEARCH_MS = 1500;
const REPEAT_AFTER_MS = [500];
const MAX_ANSWER_BYTES = 4096;
const SEARCH_TARGETS = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
];
const LOCATION = /^location:[ \t]{0,8}(\S{1,512})[ \t]{0,8}$/imu;

/** Searches by SSDP and gives where the gateway that answered describes itself. */
export async function searchGateway(
  { to, from, gateway }: GatewaySearch,
  signal: AbortSignal,
): Promise<URL | undefined> {
  return askOverUdp({
    to,
    from,
    datagrams: SEARCH_TARGETS.map(searchRequest),
    repeatAfterMs: REPEAT_AFTER_MS,
    timeoutMs: SEARCH_MS,
    read: (datagram, ip) => {
      const mayAnswer = gateway === undefined ? !isReachableFromOutside(ip) : ip === gateway;
      return mayAnswer ? readSearchAnswer(datagram, ip) : undefined;
    },
    signal,
  });
}

function searchRequest(target: string): Uint8Array {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    "HOST: 239.255.255.250:1900",
    'MAN: "ssdp:discover"',
    "MX: 1",
    `ST: ${target}`,
    "",
    "",
  ];
  return new TextEncoder().encode(lines.join("\r\n"));
}

/** The address of the description in an answer of the host `ip`; `undefined` when it is none, or on another host. */
export function readSearchAnswer(datagram: Uint8Array, ip: string): URL | undefined {
  if (datagram.length > MAX_ANSWER_BYTES) {
    return undefined;
  }
  const text = Buffer.from(datagram).toString("latin1");
  const location = LOCATION.exec(text.replaceAll("\r\n", "\n"))?.[1];
  return text.startsWith("HTTP/1.1 200") && location !== undefined
    ? urlOnHost(location, undefined, ip)
    : undefined;
}
