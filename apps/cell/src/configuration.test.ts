import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { cellLayout } from "@gaiaftcl/cell-layout";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CellConfiguration, configurationPath, loadConfiguration } from "./configuration.js";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(`${tmpdir()}/cell-configuration-`);
});

afterEach(() => rm(home, { recursive: true, force: true }));

async function load(
  toml: string | undefined,
  env: Record<string, string> = {},
): Promise<CellConfiguration> {
  const layout = cellLayout({ platform: "linux", homeDirectory: home, env }, { home });
  if (toml !== undefined) await writeFile(configurationPath(layout), toml);
  return await loadConfiguration(layout, env, "linux");
}

describe("the settings of a cell", () => {
  it("have defaults for everything", async () => {
    expect(await load(undefined)).toEqual({
      cellId: "gaiaftcl-linux-cell",
      domainId: "franklin",
      heartbeatSeconds: 60,
      commandTimeoutSeconds: 30,
      maxDatabaseBytes: undefined,
      embeddedBrokers: true,
      brokers: { substrate: "nats://127.0.0.1:4222", franklin: "nats://127.0.0.1:4223" },
    });
  });

  it("take brokers from the environment before the file, and the file before the defaults", async () => {
    const toml =
      '[brokers]\nsubstrate = "nats://substrate.example:4222"\nfranklin = "nats://franklin.example:4222"\n';
    expect((await load(toml)).brokers).toEqual({
      substrate: "nats://substrate.example:4222",
      franklin: "nats://franklin.example:4222",
    });
    expect((await load(toml, { GAIAFTCL_NATS_URL: "nats://other.example:4222" })).brokers).toEqual({
      substrate: "nats://other.example:4222",
      franklin: "nats://franklin.example:4222",
    });
  });

  it.each([
    ["not TOML", "cell_id ="],
    ["an unknown member", "hartbeat_seconds = 5"],
    ["a wrong type", 'heartbeat_seconds = "5"'],
    ["a number out of range", "heartbeat_seconds = 0"],
    ["an identity that would break witnesses", 'cell_id = "a;b"'],
    ["an identity that names nothing", 'cell_id = ""'],
  ])("are refused with %s, naming the file", async (_, toml) => {
    await expect(load(toml)).rejects.toMatchObject({
      name: "CellError",
      code: "CONFIGURATION",
      message: expect.stringContaining(home),
    });
  });
});
