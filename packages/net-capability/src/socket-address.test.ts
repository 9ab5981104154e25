import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalSocketAddress } from "./socket-address.js";

describe("a socket address", () => {
  it.each([
    ["203.0.113.5:9001", "203.0.113.5:9001"],
    ["1.2.3.4:000080", "1.2.3.4:80"],
    ["[2001:DB8::1]:80", "[2001:db8::1]:80"],
    ["[2001:0db8:0:0:1:0:0:1]:80", "[2001:db8::1:0:0:1]:80"],
    ["[::]:0", "[::]:0"],
    ["[::1]:65535", "[::1]:65535"],
    ["[1:0:2:3:4:5:6:7]:1", "[1:0:2:3:4:5:6:7]:1"],
    ["[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"],
    ["[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1"],
    ["[::ffff:0102:0304]:1", "[::ffff:1.2.3.4]:1"],
    ["[64:ff9b::1.2.3.4]:1", "[64:ff9b::102:304]:1"],
    ["[fe80::1%3]:1", "[fe80::1%3]:1"],
    ["[fe80::1%0]:1", "[fe80::1]:1"],
  ])("%s is written %s", (text, canonical) => {
    expect(canonicalSocketAddress(text)).toBe(canonical);
  });

  it.each([
    "",
    "1.2.3.4",
    "1.2.3.4:",
    "1.2.3.4:65536",
    "1.2.3:80",
    "1.2.3.256:80",
    "01.2.3.4:80",
    " 1.2.3.4:80",
    "1.2.3.4:80 ",
    "1.2.3.4:+80",
    "localhost:80",
    "::1:80",
    "[::1]",
    "[1:2:3:4:5:6:7:8:9]:1",
    "[1:2:3:4::5:6:7:8]:1",
    "[1::2::3]:1",
    "[12345::]:1",
    "[:1::]:1",
    "[1:]:1",
    "[1.2.3.4::1]:1",
    "[::1%eth0]:1",
    "[::1%4294967296]:1",
  ])("%j is none", (text) => {
    expect(canonicalSocketAddress(text)).toBeUndefined();
  });

  it("stays as it is once it is canonical, and is one for every IPv6 address", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.nat(0xffff), (address, port) => {
        const canonical = canonicalSocketAddress(`[${address}]:${port}`);
        expect(canonical === undefined).toBe(!isIPv6(address));
        if (canonical !== undefined) expect(canonicalSocketAddress(canonical)).toBe(canonical);
      }),
    );
  });
});
