import { NetWireError } from "./net-wire-error.js";

/** A UDP address as text: `192.0.2.1:9000` or `[2001:db8::1]:9000`, in the one canonical spelling. */
export type Address = string;

export interface AddressParts {
  readonly family: 4 | 6;
  /** Without brackets. */
  readonly ip: string;
  readonly port: number;
}

/** Bytes of an address in a message (Net transport format, section 13.1). */
export const ADDRESS_BYTES = 19;

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const IPV6_CHARACTERS = /^[\da-fA-F:.]{2,45}$/;

/** The parts of an address, or undefined when `text` is none. */
export function parseAddress(text: string): AddressParts | undefined {
  const separator = text.lastIndexOf(":");
  const host = text.slice(0, separator);
  const digits = text.slice(separator + 1);
  if (separator < 0 || !/^\d{1,5}$/.test(digits)) {
    return undefined;
  }
  const port = Number(digits);
  if (port > 65_535) {
    return undefined;
  }
  if (IPV4.test(host)) {
    return { family: 4, ip: host, port };
  }
  const ip =
    host.startsWith("[") && host.endsWith("]") ? canonicalIpv6(host.slice(1, -1)) : undefined;
  return ip === undefined ? undefined : { family: 6, ip, port };
}

/** @throws NetWireError `ADDRESS` */
export function ensureAddress(text: string): Address {
  const parts = parseAddress(text);
  if (parts === undefined) {
    throw new NetWireError(
      "ADDRESS",
      `invalid socket address syntax: expected ip:port or [ip]:port, got ${JSON.stringify(text)}`,
    );
  }
  return formatAddress(parts);
}

/** The canonical text of an address. */
export function formatAddress({ family, ip, port }: AddressParts): Address {
  return family === 4 ? `${ip}:${port}` : `[${canonicalIpv6(ip) ?? ip}]:${port}`;
}

/** The 19 bytes of an address: family, 16 address bytes, big-endian port. */
export function encodeAddress(address: Address): Uint8Array {
  const parts = parseAddress(address);
  if (parts === undefined) {
    throw new NetWireError(
      "ADDRESS",
      `invalid socket address syntax: expected ip:port or [ip]:port, got ${JSON.stringify(address)}`,
    );
  }
  const bytes = new Uint8Array(ADDRESS_BYTES);
  bytes[0] = parts.family;
  bytes.set(parts.family === 4 ? ipv4Bytes(parts.ip) : ipv6Bytes(parts.ip), 1);
  bytes[17] = parts.port >> 8;
  bytes[18] = parts.port;
  return bytes;
}

/** Reads the 19 bytes of an address; undefined for another length or family. */
export function decodeAddress(bytes: Uint8Array): Address | undefined {
  if (bytes.length !== ADDRESS_BYTES) {
    return undefined;
  }
  const port = ((bytes[17] as number) << 8) | (bytes[18] as number);
  if (bytes[0] === 4) {
    return formatAddress({ family: 4, ip: bytes.subarray(1, 5).join("."), port });
  }
  if (bytes[0] === 6) {
    const groups = Array.from({ length: 8 }, (_, index) =>
      (((bytes[1 + 2 * index] as number) << 8) | (bytes[2 + 2 * index] as number)).toString(16),
    );
    return formatAddress({ family: 6, ip: groups.join(":"), port });
  }
  return undefined;
}

/**
 * The text of RFC 5952, with the last 32 bits of an IPv4-mapped address in dotted form, as the
 * system writes it; undefined for anything else, zones included: they mean something on one host only.
 */
function canonicalIpv6(ip: string): string | undefined {
  if (!IPV6_CHARACTERS.test(ip) || !URL.canParse(`http://[${ip}]/`)) {
    return undefined;
  }
  const text = new URL(`http://[${ip}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(text);
  if (mapped === null) {
    return text;
  }
  const [high, low] = [mapped[1], mapped[2]].map((group) => Number.parseInt(group as string, 16));
  return `::ffff:${[high, low].flatMap((group = 0) => [group >> 8, group & 0xff]).join(".")}`;
}

function ipv4Bytes(ip: string): number[] {
  return ip.split(".").map(Number);
}

function ipv6Bytes(ip: string): number[] {
  // The last 32 bits may be written as an IPv4 address.
  const hex = ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (dotted) => {
    const [a = 0, b = 0, c = 0, d = 0] = ipv4Bytes(dotted);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = "", tail] = hex.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array.from({ length: gap }, () => "0"), ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
