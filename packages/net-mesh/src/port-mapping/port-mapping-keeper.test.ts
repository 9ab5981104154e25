import { describe, expect, it } from "vitest";
import type { MappingOutcome, MappingRequest, PortMapper } from "./port-mapper.js";
import { PortMappingKeeper, type PortMappingView } from "./port-mapping-keeper.js";

/** A protocol whose outcomes are told beforehand. */
class ScriptedMapper implements PortMapper {
  readonly requests: MappingRequest[] = [];
  unmapped = 0;
  readonly protocol: "nat-pmp" | "upnp";
  readonly #outcomes: (MappingOutcome | Error)[];

  constructor(protocol: "nat-pmp" | "upnp", ...outcomes: (MappingOutcome | Error)[]) {
    this.protocol = protocol;
    this.#outcomes = outcomes;
  }

  async map(request: MappingRequest): Promise<MappingOutcome> {
    this.requests.push(request);
    const outcome = this.#outcomes.shift() ?? failure;
    if (outcome instanceof Error) {
      throw outcome;
    }
    return outcome;
  }

  async unmap(): Promise<void> {
    this.unmapped += 1;
  }
}

const failure: MappingOutcome = { ok: false, reason: "no answer" };

function success(externalAddress = "1.2.3.4:6000", lifetimeSeconds = 3600): MappingOutcome {
  const externalPort = Number(externalAddress.split(":")[1]);
  return { ok: true, mapping: { externalAddress, externalPort, lifetimeSeconds } };
}

/** Runs a keeper until it is done or has waited `turns` times; time passes at once. */
async function keep(
  mappers: readonly PortMapper[],
  turns: number,
): Promise<{
  readonly keeper: PortMappingKeeper;
  readonly log: string[];
  readonly waits: number[];
  readonly views: PortMappingView[];
}> {
  const log: string[] = [];
  const waits: number[] = [];
  const views: PortMappingView[] = [];
  const { promise: idle, resolve } = Promise.withResolvers<void>();
  const keeper = new PortMappingKeeper({
    internalPort: 5000,
    mappers,
    mapped: (address) => log.push(`mapped ${address}`),
    lost: (address) => log.push(`lost ${address}`),
    changed: (view) => {
      views.push(view);
      if (view.state === "unavailable") {
        resolve();
      }
    },
    wait: async (ms, signal) => {
      if (waits.length < turns) {
        waits.push(ms);
        return;
      }
      resolve();
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", reject, { once: true });
      });
    },
  });
  await idle;
  return { keeper, log, waits, views };
}

describe("a port mapping", () => {
  it("is asked for at the port really bound, renewed, and taken back at the end", async () => {
    const mapper = new ScriptedMapper("nat-pmp", success(), success(), success());
    const { keeper, log, waits } = await keep([mapper], 2);
    expect(keeper.view).toEqual({
      state: "mapped",
      protocol: "nat-pmp",
      externalAddress: "1.2.3.4:6000",
      renewals: 2,
      failures: 0,
    });
    expect(mapper.requests).toEqual([
      { internalPort: 5000, externalPort: 5000, lifetimeSeconds: 3600 },
      { internalPort: 5000, externalPort: 6000, lifetimeSeconds: 3600 },
      { internalPort: 5000, externalPort: 6000, lifetimeSeconds: 3600 },
    ]);
    expect(waits).toEqual([1_800_000, 1_800_000]);
    expect(mapper.unmapped).toBe(0);
    await keeper.close();
    await keeper.close();
    expect(mapper.unmapped).toBe(1);
    expect(log).toEqual(["mapped 1.2.3.4:6000", "lost 1.2.3.4:6000"]);
    expect(keeper.view.state).toBe("closed");
  });

  it.each([
    [600, 300_000],
    [7200, 1_800_000],
    [1, 1000],
  ])("of %i seconds is renewed after %i ms", async (lifetimeSeconds, afterMs) => {
    const mapper = new ScriptedMapper(
      "nat-pmp",
      success("1.2.3.4:6000", lifetimeSeconds),
      success("1.2.3.4:6000", lifetimeSeconds),
    );
    const { keeper, waits } = await keep([mapper], 1);
    expect(waits).toEqual([afterMs]);
    await keeper.close();
  });

  it("is asked for by the other protocol when the first fails, after taking back what that may have done", async () => {
    const first = new ScriptedMapper("nat-pmp", new Error("broken"));
    const second = new ScriptedMapper("upnp", success());
    const { keeper } = await keep([first, second], 0);
    expect(first.unmapped).toBe(1);
    expect(keeper.view).toMatchObject({ state: "mapped", protocol: "upnp" });
    await keeper.close();
  });

  it("is given up at once when no protocol gives it, and says why", async () => {
    const mappers = [
      new ScriptedMapper("nat-pmp"),
      new ScriptedMapper("upnp", new Error("broken")),
    ];
    const { keeper, log } = await keep(mappers, 0);
    expect(keeper.view).toMatchObject({
      state: "unavailable",
      reason: "nat-pmp: no answer; upnp: broken",
    });
    expect(log).toEqual([]);
    await keeper.close();
  });

  it("is unavailable without a gateway", async () => {
    const { keeper } = await keep([], 0);
    expect(keeper.view).toMatchObject({ state: "unavailable", reason: "no IPv4 gateway known" });
    await keeper.close();
    expect(keeper.view.state).toBe("closed");
  });

  it("outlasts a renewal that fails and succeeds at the second try", async () => {
    const mapper = new ScriptedMapper("upnp", success(), failure, success());
    const { keeper, waits } = await keep([mapper], 2);
    expect(waits).toEqual([1_800_000, 200]);
    expect(keeper.view).toMatchObject({ state: "mapped", renewals: 1, failures: 0 });
    await keeper.close();
  });

  it("outlasts two renewals that fail, counted anew after one that succeeds", async () => {
    const two = [failure, failure, failure, failure];
    const mapper = new ScriptedMapper("upnp", success(), ...two, success(), ...two, success());
    const { keeper, log, views } = await keep([mapper], 10);
    expect(views.map(({ failures }) => failures)).toEqual([0, 1, 2, 0, 1, 2, 0]);
    expect(log).toEqual(["mapped 1.2.3.4:6000"]);
    await keeper.close();
  });

  it("ends, and is taken back, with the third renewal that fails", async () => {
    const mapper = new ScriptedMapper("upnp", success());
    const { keeper, log } = await keep([mapper], 100);
    expect(mapper.requests).toHaveLength(7);
    expect(mapper.unmapped).toBe(1);
    expect(log).toEqual(["mapped 1.2.3.4:6000", "lost 1.2.3.4:6000"]);
    expect(keeper.view).toMatchObject({
      state: "unavailable",
      failures: 3,
      reason: "upnp: no answer",
    });
    expect(keeper.view).not.toHaveProperty("externalAddress");
    await keeper.close();
    expect(mapper.unmapped).toBe(1);
  });

  it("is told anew when the gateway moves it", async () => {
    const mapper = new ScriptedMapper("nat-pmp", success(), success("1.2.3.5:6001"));
    const { keeper, log } = await keep([mapper], 1);
    await keeper.close();
    expect(log).toEqual(["mapped 1.2.3.4:6000", "mapped 1.2.3.5:6001", "lost 1.2.3.5:6001"]);
  });

  it("is taken back when the node ends while it is asked for", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    let unmapped = 0;
    const log: string[] = [];
    const keeper = new PortMappingKeeper({
      internalPort: 5000,
      mappers: [
        {
          protocol: "nat-pmp",
          map: async (_request, signal) => {
            resolve();
            await new Promise((done) => {
              signal.addEventListener("abort", done, { once: true });
            });
            return success();
          },
          unmap: async () => {
            unmapped += 1;
          },
        },
        new ScriptedMapper("upnp", success()),
      ],
      mapped: (address) => log.push(address),
      lost: (address) => log.push(address),
      changed: () => undefined,
    });
    await asked;
    await keeper.close();
    expect(unmapped).toBe(1);
    expect(log).toEqual([]);
    expect(keeper.view.state).toBe("closed");
  });
});
