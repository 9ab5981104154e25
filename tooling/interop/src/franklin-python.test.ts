import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LinePeer } from "@gaiaftcl/peers";
import { expect, it } from "vitest";
import { ensurePeers } from "../../bootstrap/peers.mjs";
import { DaemonProcess, privateBrokers, TestHome } from "./cell-process.ts";

const client = join(import.meta.dirname, "..", "python", "cell_client.py");
const bridge = join(import.meta.dirname, "../../../apps/gaiaftcl/bridges/numpy_bridge");
const moduleName = "gaiaftcl.bridges.numpy_bridge";

interface Audit {
  readonly outcomes: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, number>>;
  readonly artifacts: number;
}

it("a Python client that knows only the fixed rules can use and audit a running cell", async () => {
  const { python } = await ensurePeers(["python"]);
  await using home = await TestHome.make();
  await using _daemon = await DaemonProcess.start(home, await privateBrokers());
  expect((await home.gaiaftcl(["mesh", "publish", bridge, moduleName])).code).toBe(0);
  const { layout } = home;
  await using auditor = new LinePeer(python, [
    client,
    layout.socketPath,
    "operator",
    join(layout.keysDirectory, "operator.ed25519.pem"),
    layout.databasePath,
    join(layout.meshCacheRoot, moduleName),
  ]);
  const { outcomes, rows, artifacts } = await auditor.next<Audit>();
  expect(new Set(Object.values(outcomes))).toEqual(new Set(["ok"]));
  expect(Object.keys(outcomes)).toHaveLength(6);
  expect(rows).toMatchObject({
    qc020_joint_variation_evidence: 4,
    research_telemetry: 1,
    constitutional_evaluations: 4,
    production_submissions: 1,
    franklin_commands: 7,
  });
  expect(artifacts).toBe(3);
});

it("that client has at most 100 lines and imports nothing of this project", async () => {
  const lines = (await readFile(client, "utf8")).trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(100);
  const imported = lines.filter((line) => /^(import|from) /.test(line)).join("\n");
  expect(imported).not.toMatch(/gaiaftcl/);
});
