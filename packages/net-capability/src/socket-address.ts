const HEX_GROUP = /^[0-9A-Fa-f]{1,4}$/;
const V4_PART = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUPS = 8;

/**
 * Brings a socket address, `1.2.3.4:5678` or `[2001:db8::1]:5678`, into the one form that is signed
 * (Net identity format, section 9.2): lower case, the longest run of zero groups shortened, no
 * leading zeros. `undefined` for what is no socket address.
 *
 * A scope id (`[fe80::1%3]:5678`) is kept unless it is 0.
 */
export function canonicalSocketAddress(text: string): string | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)(?:%([0-9]{1,10}))?\]|([0-9.]+)):([0-9]+)$/.exec(text);
  if (match === null) return undefined;
  const [, v6, scope, v4, portText] = match;
  const port = Number(portText);
  if (port > 0xffff) return undefined;
  if (v4 !== undefined) {
    const octets = parseV4(v4);
    return octets === undefined ? undefined : `${octets.join(".")}:${port}`;
  }
  const scopeId = Number(scope ?? "0");
  const groups = parseV6(v6 ?? "");
  if (groups === undefined || scopeId > 0xffff_ffff) return undefined;
  return `[${formatV6(groups)}${scopeId === 0 ? "" : `%${scopeId}`}]:${port}`;
}

function parseV4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => V4_PART.test(part))) return undefined;
  const octets = parts.map(Number);
  return octets.every((octet) => octet <= 0xff) ? octets : undefined;
}

function parseV6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  const before = parseGroups(head, tail === undefined);
  if (tail === undefined) return before?.length === GROUPS ? before : undefined;
  const after = parseGroups(tail, true);
  if (before === undefined || after === undefined) return undefined;
  const missing = GROUPS - before.length - after.length;
  // "::" stands for at least one group.
  return missing < 1 ? undefined : [...before, ...new Array<number>(missing).fill(0), ...after];
}

/** Groups between colons; the last may be an IPv4 address, which counts for two. */
function parseGroups(text: string, mayEndInV4: boolean): readonly number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (HEX_GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const octets = mayEndInV4 && index === parts.length - 1 ? parseV4(part) : undefined;
    if (octets === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = octets;
    groups.push((a << 8) | b, (c << 8) | d);
  }
  return groups;
}

/** RFC 5952, with addresses that map IPv4 written as `::ffff:1.2.3.4`. */
function formatV6(groups: readonly number[]): string {
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return `::ffff:${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  }
  const { start, length } = longestZeroRun(groups);
  const texts = groups.map((group) => group.toString(16));
  if (length < 2) return texts.join(":");
  return `${texts.slice(0, start).join(":")}::${texts.slice(start + length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}
