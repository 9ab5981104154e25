import { createSocket } from "node:dgram";
import { createServer, type ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import {
  description,
  FakeNatPmpGateway,
  FakeUdpServer,
  FakeUpnpGateway,
  fault,
  HERE,
  reply,
  searchAnswer,
} from "./fake-gateway.testing.js";
import { NatPmpMapper } from "./nat-pmp-mapper.js";
import type { MappingRequest } from "./port-mapper.js";
import { UpnpMapper } from "./upnp-mapper.js";

const REQUEST: MappingRequest = { internalPort: 5000, externalPort: 5000, lifetimeSeconds: 3600 };
const running = new AbortController().signal;
const open: AsyncDisposable[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (server) => server[Symbol.asyncDispose]()));
});

function kept<T extends AsyncDisposable>(server: T): T {
  open.push(server);
  return server;
}

describe("a NAT-PMP gateway", () => {
  const mapperTo = (port: number): NatPmpMapper => new NatPmpMapper({ ip: HERE, port, from: HERE });

  it("maps, and takes back", async () => {
    const gateway = kept(await FakeNatPmpGateway.start());
    const mapper = mapperTo(gateway.port);
    expect(await mapper.map(REQUEST, running)).toEqual({
      ok: true,
      mapping: { externalAddress: "1.2.3.4:5001", externalPort: 5001, lifetimeSeconds: 3600 },
    });
    expect([...gateway.mapped]).toEqual([[5000, 5001]]);
    await mapper.unmap();
    expect(gateway.mapped.size).toBe(0);
  });

  it("may grant less time", async () => {
    const gateway = kept(await FakeNatPmpGateway.start());
    gateway.lifetimeSeconds = 120;
    expect(await mapperTo(gateway.port).map(REQUEST, running)).toMatchObject({
      mapping: { lifetimeSeconds: 120 },
    });
  });

  it("is asked for no mapping when it stands behind another NAT itself", async () => {
    const gateway = kept(await FakeNatPmpGateway.start());
    gateway.externalAddress = [192, 168, 0, 7];
    const outcome = await mapperTo(gateway.port).map(REQUEST, running);
    expect(outcome).toMatchObject({ ok: false, reason: expect.stringContaining("192.168.0.7") });
    expect(gateway.mapped.size).toBe(0);
  });

  it("may refuse", async () => {
    const gateway = kept(await FakeNatPmpGateway.start());
    gateway.result = 2;
    expect(await mapperTo(gateway.port).map(REQUEST, running)).toEqual({
      ok: false,
      reason: "refused: not authorized",
    });
  });

  it.each([
    ["for no time", "00810000000000011388138800000000"],
    ["to no port", "00810000000000011388000000000e10"],
    ["for another port", "00810000000000011389138800000e10"],
    ["cut short", "008100000000000113881388"],
    ["too long", `00810000000000011388138800000e10${"00".repeat(1000)}`],
  ])("is not believed when it maps %s", async (_what, hex) => {
    const server = kept(
      await FakeUdpServer.start((request) =>
        request[1] === 0
          ? [Buffer.from("ff", "hex"), Buffer.from("008000000000000101020304", "hex")]
          : [Buffer.from(hex, "hex")],
      ),
    );
    expect(await mapperTo(server.port).map(REQUEST, running)).toMatchObject({ ok: false });
  });

  it("is not heard when somebody else answers in its place", async () => {
    const other = createSocket("udp4").unref();
    const gateway = kept(
      await FakeUdpServer.start((_request, port) => {
        other.send(Buffer.from("008000000000000101020304", "hex"), port, HERE);
        return [];
      }),
    );
    const mapper = mapperTo(gateway.port);
    expect(await mapper.map(REQUEST, running)).toEqual({ ok: false, reason: "no answer" });
    other.close();
  });

  it("is asked again when a datagram is lost", async () => {
    const gateway = kept(await FakeNatPmpGateway.start());
    gateway.isSilent = true;
    const outcome = mapperTo(gateway.port).map(REQUEST, running);
    setTimeout(() => {
      gateway.isSilent = false;
    }, 100);
    expect(await outcome).toMatchObject({ ok: true });
  });

  it("is not asked from an address this machine does not have", async () => {
    const gateway = kept(await FakeNatPmpGateway.start());
    const mapper = new NatPmpMapper({ ip: HERE, port: gateway.port, from: "192.0.2.1" });
    expect(await mapper.map(REQUEST, running)).toEqual({ ok: false, reason: "no answer" });
  });

  it("is waited for no longer once the node ends", async () => {
    const gateway = kept(await FakeNatPmpGateway.start());
    gateway.isSilent = true;
    const closing = new AbortController();
    const outcome = mapperTo(gateway.port).map(REQUEST, closing.signal);
    closing.abort();
    expect(await outcome).toMatchObject({ ok: false });
    expect(await mapperTo(gateway.port).map(REQUEST, closing.signal)).toMatchObject({ ok: false });
  });
});

describe("a UPnP gateway", () => {
  const mapperTo = (gateway: FakeUpnpGateway, answers: string | undefined = HERE): UpnpMapper =>
    new UpnpMapper({ to: { ip: HERE, port: gateway.searchPort }, from: HERE, gateway: answers });

  it("of version 1 maps the port asked for, and takes back", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    const mapper = mapperTo(gateway, undefined);
    expect(await mapper.map(REQUEST, running)).toEqual({
      ok: true,
      mapping: { externalAddress: "1.2.3.4:5000", externalPort: 5000, lifetimeSeconds: 3600 },
    });
    await mapper.unmap();
    await mapper.unmap();
    expect(gateway.actionsAsked).toEqual([
      "GET /description.xml",
      "GetExternalIPAddress",
      "AddAnyPortMapping",
      "AddPortMapping",
      "DeletePortMapping",
    ]);
    const [add, remove] = gateway.asked.slice(3);
    for (const value of [
      "<NewInternalClient>127.0.0.1<",
      "<NewInternalPort>5000<",
      "<NewProtocol>UDP<",
      "<NewLeaseDuration>3600<",
      "<NewPortMappingDescription>cyberdeck-mesh<",
    ]) {
      expect(add?.body).toContain(value);
    }
    expect(remove?.body).toContain("<NewExternalPort>5000<");
  });

  it("of version 2 chooses a free port itself", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    gateway.description = description("WANIPConnection:2", "control");
    gateway.actions.set("AddAnyPortMapping", () =>
      reply("AddAnyPortMapping", "<NewReservedPort>6000</NewReservedPort>"),
    );
    const mapper = mapperTo(gateway);
    expect(await mapper.map(REQUEST, running)).toMatchObject({
      mapping: { externalAddress: "1.2.3.4:6000", externalPort: 6000 },
    });
    await mapper.unmap();
    expect(gateway.asked.at(-1)?.body).toContain("<NewExternalPort>6000<");
  });

  it("is asked for another port when somebody has the first", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    gateway.actions.set("AddPortMapping", (body) =>
      body.includes("<NewExternalPort>5000<") ? fault(718) : reply("AddPortMapping", ""),
    );
    const outcome = await mapperTo(gateway).map(REQUEST, running);
    expect(outcome).toMatchObject({ ok: true });
    expect(outcome).not.toMatchObject({ mapping: { externalPort: 5000 } });
  });

  it("keeps the mapping of another when it refuses this node's", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    gateway.actions.set("AddPortMapping", () => fault(718));
    const mapper = mapperTo(gateway);
    expect(await mapper.map(REQUEST, running)).toEqual({
      ok: false,
      reason: "AddPortMapping refused: error 718",
    });
    await mapper.unmap();
    expect(gateway.actionsAsked).not.toContain("DeletePortMapping");
  });

  it.each(["10.0.0.1", "", "1.2.3.4.5", "</x>", "&xxe;"])(
    "is asked for no mapping when its own address is %j",
    async (address) => {
      const gateway = kept(await FakeUpnpGateway.start());
      gateway.actions.set("GetExternalIPAddress", () =>
        reply("GetExternalIPAddress", `<NewExternalIPAddress>${address}</NewExternalIPAddress>`),
      );
      expect(await mapperTo(gateway).map(REQUEST, running)).toMatchObject({ ok: false });
      expect(gateway.actionsAsked).not.toContain("AddPortMapping");
    },
  );

  it.each(["0", "65536", "-1", "1e3", ""])(
    "is not believed when it reserved port %j",
    async (port) => {
      const gateway = kept(await FakeUpnpGateway.start());
      gateway.actions.set("AddAnyPortMapping", () =>
        reply("AddAnyPortMapping", `<NewReservedPort>${port}</NewReservedPort>`),
      );
      expect(await mapperTo(gateway).map(REQUEST, running)).toMatchObject({ ok: false });
    },
  );

  it("is not heard when it is not the gateway of this machine", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    const outcome = await mapperTo(gateway, "127.0.0.2").map(REQUEST, running);
    expect(outcome).toEqual({ ok: false, reason: "no gateway found" });
    expect(gateway.asked).toEqual([]);
  });

  it("cannot send this machine's requests to another host", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    const elsewhere = gateway.origin.replace(HERE, "127.0.0.2");
    gateway.description = description("WANIPConnection:1", `${elsewhere}/control`);
    gateway.searchAnswers = [
      searchAnswer(`${elsewhere}/description.xml`),
      searchAnswer(`${gateway.origin}/description.xml`),
    ];
    expect(await mapperTo(gateway).map(REQUEST, running)).toMatchObject({ ok: false });
    expect(gateway.actionsAsked).toEqual(["GET /description.xml"]);
  });

  it("cannot redirect", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    await using other = await serving((response) => {
      response.writeHead(302, { location: `${gateway.origin}/description.xml` }).end();
    });
    gateway.searchAnswers = [searchAnswer(`${other.origin}/moved`)];
    expect(await mapperTo(gateway).map(REQUEST, running)).toMatchObject({ ok: false });
    expect(gateway.asked).toEqual([]);
  });

  it("cannot hold the node up by saying little for long", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    await using other = await serving((response) => {
      const dribble = setInterval(() => response.write(" "), 20);
      response.on("close", () => {
        clearInterval(dribble);
      });
    });
    gateway.searchAnswers = [searchAnswer(`${other.origin}/description.xml`)];
    expect(await mapperTo(gateway).map(REQUEST, running)).toMatchObject({ ok: false });
  });

  it("cannot fill the memory", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    gateway.description = description("WANIPConnection:1", "/control") + " ".repeat(1024 * 1024);
    expect(await mapperTo(gateway).map(REQUEST, running)).toMatchObject({ ok: false });
  });

  it("is waited for no longer once the node ends, and told to take back what it may have mapped", async () => {
    const gateway = kept(await FakeUpnpGateway.start());
    const closing = new AbortController();
    gateway.actions.set("AddAnyPortMapping", () => {
      closing.abort();
      return fault(401);
    });
    const mapper = mapperTo(gateway);
    expect(await mapper.map(REQUEST, closing.signal)).toMatchObject({ ok: false });
    await mapper.unmap();
    expect(gateway.actionsAsked.at(-1)).toBe("DeletePortMapping");
  });
});

async function serving(
  answer: (response: ServerResponse) => void,
): Promise<AsyncDisposable & { readonly origin: string }> {
  const server = createServer((_request, response) => {
    answer(response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, HERE, resolve);
  });
  const address = server.address();
  return {
    origin: `http://${HERE}:${typeof address === "object" ? address?.port : 0}`,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}
