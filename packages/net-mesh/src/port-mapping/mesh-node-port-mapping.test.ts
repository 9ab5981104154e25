import { afterEach, describe, expect, it } from "vitest";
import { MeshNode } from "../node/mesh-node.js";
import { FakeNatPmpGateway, FakeUpnpGateway, HERE } from "./fake-gateway.testing.js";
import type { PortMappingView } from "./port-mapping-keeper.js";

const open: AsyncDisposable[] = [];

afterEach(async () => {
  // The nodes first: they take their mappings back.
  for (const resource of open.splice(0).reverse()) {
    await resource[Symbol.asyncDispose]();
  }
});

interface Surroundings {
  readonly natPmp: FakeNatPmpGateway;
  readonly upnp: FakeUpnpGateway;
  readonly views: PortMappingView[];
  listen(reflexOverride?: string): Promise<MeshNode>;
  until(state: PortMappingView["state"]): Promise<void>;
}

async function surroundings(): Promise<Surroundings> {
  const [natPmp, upnp] = await Promise.all([FakeNatPmpGateway.start(), FakeUpnpGateway.start()]);
  open.push(natPmp, upnp);
  const views: PortMappingView[] = [];
  return {
    natPmp,
    upnp,
    views,
    listen: async (reflexOverride) => {
      const node = await MeshNode.listen({
        bind: `${HERE}:0`,
        psk: "5a".repeat(32),
        ...(reflexOverride === undefined ? {} : { reflexOverride }),
        tryPortMapping: {
          gateway: HERE,
          natPmpPort: natPmp.port,
          searchAddress: `${HERE}:${upnp.searchPort}`,
          changed: (view) => views.push(view),
        },
      });
      open.push(node);
      return node;
    },
    until: async (state) => {
      while (views.at(-1)?.state !== state) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

const portOf = (node: MeshNode): number => Number(node.address.split(":").at(-1));

describe("a node behind a gateway", () => {
  it("is reached at the gateway's address until it ends, at the port it is really bound to", async () => {
    const { natPmp, upnp, listen, until, views } = await surroundings();
    const node = await listen();
    await until("mapped");
    const external = `1.2.3.4:${natPmp.mapped.get(portOf(node))}`;
    expect(node.portMapping).toMatchObject({ protocol: "nat-pmp", externalAddress: external });
    expect([node.natType, node.reflexAddress]).toEqual(["open", external]);
    expect(node.metrics()).toMatch(/^gaiaftcl_net_port_mapped\{.*\} 1$/mu);
    await node.close();
    expect(natPmp.mapped.size).toBe(0);
    expect(upnp.asked).toEqual([]);
    expect(views.at(-1)).toEqual({ state: "closed", renewals: 0, failures: 0 });
  });

  it("takes UPnP where the gateway does not speak NAT-PMP", async () => {
    const { natPmp, upnp, listen, until } = await surroundings();
    natPmp.isSilent = true;
    const node = await listen();
    await until("mapped");
    expect(node.portMapping?.protocol).toBe("upnp");
    expect(node.reflexAddress).toBe(`1.2.3.4:${portOf(node)}`);
    await node.close();
    expect(upnp.actionsAsked.at(-1)).toBe("DeletePortMapping");
  });

  it("goes on without a mapping when there is none to be had", async () => {
    const { natPmp, upnp, listen, until } = await surroundings();
    natPmp.result = 2;
    upnp.searchAnswers = [];
    const node = await listen();
    await until("unavailable");
    expect(node.portMapping?.reason).toBe(
      "nat-pmp: refused: not authorized; upnp: no gateway found",
    );
    expect([node.natType, node.reflexAddress]).toEqual(["unknown", undefined]);
    expect(node.metrics()).toMatch(/^gaiaftcl_net_port_mapped\{.*\} 0$/mu);
  });

  it("renews, and forgets the address when the gateway renews no more", async () => {
    const { natPmp, listen, until, views } = await surroundings();
    natPmp.lifetimeSeconds = 1;
    const node = await listen("1.1.1.1:1");
    await until("mapped");
    while ((views.at(-1)?.renewals ?? 0) === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(node.reflexAddress).not.toBe("1.1.1.1:1");
    natPmp.result = 3;
    await until("unavailable");
    expect(node.reflexAddress).toBe("1.1.1.1:1");
    expect(natPmp.mapped.size).toBe(0);
  });

  it("leaves alone what its operator declared meanwhile", async () => {
    const { natPmp, listen, until } = await surroundings();
    natPmp.lifetimeSeconds = 1;
    const node = await listen();
    await until("mapped");
    node.setReflexOverride("1.1.1.1:1");
    natPmp.result = 3;
    await until("unavailable");
    expect(node.reflexAddress).toBe("1.1.1.1:1");
  });

  it("may end while it still searches", async () => {
    const { natPmp, listen } = await surroundings();
    natPmp.isSilent = true;
    const node = await listen();
    await node.close();
    expect(node.portMapping?.state).toBe("closed");
  });

  it("has no mapping unless it is asked for", async () => {
    const node = await MeshNode.listen({ bind: `${HERE}:0`, psk: "5a".repeat(32) });
    open.push(node);
    expect(node.portMapping).toBeUndefined();
    expect(node.metrics()).not.toContain("port_mapped");
  });

  it.each([
    [{ gateway: "router" }, "tryPortMapping.gateway"],
    [{ natPmpPort: 0 }, "tryPortMapping.natPmpPort"],
    [{ searchAddress: "[::1]:1900" }, "tryPortMapping.searchAddress"],
  ])("refuses %j", async (tryPortMapping, named) => {
    await expect(
      MeshNode.listen({ bind: `${HERE}:0`, psk: "5a".repeat(32), tryPortMapping }),
    ).rejects.toMatchObject({ code: "INVALID_OPTION", message: expect.stringContaining(named) });
  });
});
