import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gatewayOf } from "./default-gateway.js";
import { isReachableFromOutside } from "./external-address.js";
import { description, searchAnswer } from "./fake-gateway.testing.js";
import { readSearchAnswer } from "./gateway-search.js";
import {
  externalAddressRequest,
  mapUdpRequest,
  readExternalAddress,
  readMapUdp,
} from "./nat-pmp-codec.js";
import { readPlainXml, textOf } from "./plain-xml.js";
import { connectionService, readActionReply } from "./upnp-messages.js";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const HOST = "192.168.1.1";
const LOCATION = new URL(`http://${HOST}:5000/description.xml`);

describe("NAT-PMP messages", () => {
  it("are those of RFC 6886", () => {
    expect(externalAddressRequest()).toEqual(bytes("0000"));
    expect(
      mapUdpRequest({ internalPort: 0x1234, externalPort: 0x5678, lifetimeSeconds: 3600 }),
    ).toEqual(bytes("000100001234567800000e10"));
    expect(readExternalAddress(bytes("008000000000000101020304"))).toEqual({
      ok: true,
      value: "1.2.3.4",
    });
    expect(readMapUdp(bytes("008100000000000112345678" + "00000e10"))).toEqual({
      ok: true,
      value: { internalPort: 0x1234, externalPort: 0x5678, lifetimeSeconds: 3600 },
    });
  });

  it.each([
    ["0080000200000001", "not authorized"],
    ["008000030000000100000000", "network failure"],
    ["0080006300000001", "result 99"],
  ])("say why they refuse: %s", (hex, reason) => {
    expect(readExternalAddress(bytes(hex))).toEqual({ ok: false, reason });
  });

  it.each(["", "0080", "0180000000000001", "00810000000000010102", "0080000000000001010203"])(
    "are not taken from anything else: %s",
    (hex) => {
      expect(readExternalAddress(bytes(hex))).toBeUndefined();
    },
  );

  it("never throw, whatever arrives", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (datagram) => {
        readExternalAddress(datagram);
        readMapUdp(datagram);
      }),
    );
  });
});

describe("an external address", () => {
  it.each(["1.2.3.4", "100.63.255.255", "172.32.0.1", "223.255.255.255"])(
    "%s counts",
    (address) => {
      expect(isReachableFromOutside(address)).toBe(true);
    },
  );

  it.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.1.1",
    "172.31.255.255",
    "192.168.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "2001:db8::1",
    "1.2.3",
    "1.2.3.4 ",
    "example.org",
    "",
  ])("%s does not", (address) => {
    expect(isReachableFromOutside(address)).toBe(false);
  });
});

describe("the default gateway", () => {
  const head =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
  const route = (...columns: string[]): string =>
    ["eth0", ...columns.slice(0, 3), "0", "0", ...columns.slice(3), "0", "0", "0"].join("\t");

  it("is that of the default route with the lowest metric", () => {
    const table = [
      head,
      route("00000000", "0101A8C0", "0003", "600", "00000000"),
      route("00000000", "FE01A8C0", "0003", "100", "00000000"),
      route("0000A8C0", "0201A8C0", "0003", "0", "0000FFFF"),
      route("00000000", "0301A8C0", "0001", "0", "00000000"),
      "",
    ].join("\n");
    expect(gatewayOf(table, "LE")).toBe("192.168.1.254");
    expect(gatewayOf(table, "BE")).toBe("254.1.168.192");
  });

  it.each(["", head, `${head}\n${route("00000000", "0101", "0003", "0", "00000000")}`])(
    "is unknown without one",
    (table) => {
      expect(gatewayOf(table, "LE")).toBeUndefined();
    },
  );
});

describe("an answer to a search", () => {
  const read = (text: string): string | undefined =>
    readSearchAnswer(new TextEncoder().encode(text), HOST)?.href;

  it("names where the host that answered describes itself", () => {
    expect(read(searchAnswer(LOCATION.href))).toBe(LOCATION.href);
  });

  it.each([
    searchAnswer("http://192.168.1.2/description.xml"),
    searchAnswer("http://router.example/description.xml"),
    searchAnswer(`https://${HOST}/description.xml`),
    searchAnswer(`http://name:word@${HOST}/description.xml`),
    searchAnswer("file:///etc/passwd"),
    searchAnswer("/description.xml"),
    searchAnswer(`http://${HOST}/${"x".repeat(600)}`),
    searchAnswer(LOCATION.href) + " ".repeat(5000),
    searchAnswer(LOCATION.href).replace("200 OK", "404 No"),
    "HTTP/1.1 200 OK\r\n\r\n",
    "",
  ])("is refused when it leads elsewhere or is none: %#", (text) => {
    expect(read(text)).toBeUndefined();
  });
});

describe("a description", () => {
  it("names the service that maps ports and its address", () => {
    expect(connectionService(description("WANPPPConnection:1", "/ctl?x=1"), LOCATION)).toEqual({
      type: "urn:schemas-upnp-org:service:WANPPPConnection:1",
      controlUrl: new URL(`http://${HOST}:5000/ctl?x=1`),
    });
  });

  it("may give a base, on the same host only", () => {
    const withBase = (base: string): string =>
      description("WANIPConnection:2", "ctl").replace(
        "<device>",
        `<URLBase>${base}</URLBase><device>`,
      );
    expect(connectionService(withBase(`http://${HOST}:80/a/`), LOCATION)?.controlUrl.href).toBe(
      `http://${HOST}/a/ctl`,
    );
    expect(connectionService(withBase("http://192.168.1.2/a/"), LOCATION)?.controlUrl.href).toBe(
      `http://${HOST}:5000/ctl`,
    );
  });

  it.each([
    description("WANIPConnection:1", "http://192.168.1.2/control"),
    description("WANIPConnection:1", "//192.168.1.2/control"),
    description("WANIPConnection:1", "javascript:0"),
    description("Layer3Forwarding:1", "/control"),
    description("WANIPConnection:1", "/control").slice(0, -8),
  ])("is refused when control would be elsewhere, or nowhere: %#", (text) => {
    expect(connectionService(text, LOCATION)).toBeUndefined();
  });
});

describe("XML of a gateway", () => {
  it("is read with its named and numbered characters", () => {
    const root = readPlainXml(
      '<?xml version="1.0"?><a><b x="1"/> <n:b>1 &lt;&#65;&#x42; 2</n:b></a>',
    );
    expect(root?.children.map(({ name }) => name)).toEqual(["b", "b"]);
    expect(root?.children[1]?.text).toBe("1 <AB 2");
    expect(textOf(root as NonNullable<typeof root>, "c")).toBeUndefined();
  });

  it.each([
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    "<a>&b;</a>",
    "<a>&#0;</a>",
    "<a>&#x110000;</a>",
    "<a>&__proto__;</a>",
    "<a><![CDATA[x]]></a>",
    "<a><b></a></b>",
    "<a></a></a>",
    "<a/><b/>",
    "<a",
    "<a><!-- </a>",
    "",
    "<a>".repeat(30) + "</a>".repeat(30),
    `<a>${"<b/>".repeat(3000)}</a>`,
  ])("is refused whole when it is more than that: %#", (text) => {
    expect(readPlainXml(text)).toBeUndefined();
  });

  it("never throws, whatever arrives", () => {
    const pieces = fc.constantFrom(
      "<",
      ">",
      "/",
      "a",
      "&",
      ";",
      "<a>",
      "</a>",
      "<!--",
      "-->",
      "#",
      " ",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        readPlainXml(parts.join(""));
        readActionReply("AddPortMapping", 200, parts.join(""));
      }),
    );
  });
});
