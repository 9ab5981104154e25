import { appendFile, chmod, cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configurationPath } from "@gaiaftcl/cell";
import { until } from "@gaiaftcl/peers";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type CommandResult,
  DaemonProcess,
  privateBrokers,
  records,
  TestHome,
} from "./cell-process.ts";

const app = join(import.meta.dirname, "../../../apps/gaiaftcl");
const bridge = join(app, "bridges/numpy_bridge");
const moduleName = "gaiaftcl.bridges.numpy_bridge";

let isRecord: (value: unknown) => boolean;
let recordErrors: () => string;

beforeAll(async () => {
  const schema = JSON.parse(await readFile(join(app, "schema/output.schema.json"), "utf8"));
  const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false });
  const validate = ajv.compile(schema);
  isRecord = (value) => validate(value);
  recordErrors = () => ajv.errorsText(validate.errors);
});

/** Every line of `--json` output is a record of the published schema. */
function checked(result: CommandResult): Record<string, unknown>[] {
  const lines = records(result.stdout);
  for (const line of lines) {
    expect(isRecord(line), `${JSON.stringify(line)}: ${recordErrors()}`).toBe(true);
  }
  return lines;
}

function derived(record: Record<string, unknown> | undefined): Record<string, unknown> {
  return record?.["derived"] as Record<string, unknown>;
}

describe("the command line", () => {
  it("exits with 64 for a command that does not exist or is used wrongly", async () => {
    await using home = await TestHome.make();
    for (const args of [
      ["bogus"],
      ["franklin", "compose", "--nonces", "many"],
      ["mesh", "sign"],
      ["mesh", "sign", bridge, "--tau", "high"],
      ["subscribe", "gaiaftcl..sealed"],
      ["subscribe", "gaiaftcl.>.sealed"],
      ["subscribe", "gaiaftcl.>", "--count", "0"],
      ["--home", "", "keys", "check"],
      ["keys", "generate", "--operator", "../key"],
      ["mesh", "watch", "../module"],
    ]) {
      expect((await home.gaiaftcl(args)).code, args.join(" ")).toBe(64);
      const json = checked(await home.gaiaftcl(["--json", ...args]));
      expect(json, args.join(" ")).toMatchObject([{ kind: "error" }]);
    }
    expect((await home.gaiaftcl(["--help"])).code).toBe(0);
    expect((await home.gaiaftcl(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("names the next command in every error, with the home it is about", async () => {
    await using home = await TestHome.make();
    for (const args of [
      ["franklin", "show"],
      ["cell", "stop"],
      ["substrate", "verify"],
      ["mesh", "load", "no.such.module"],
      ["mesh", "verify", "no.such.module"],
      ["mesh", "cosign", "nowhere.json"],
      ["keys", "generate"],
      ["substrate", "verify", "no_such_table"],
    ]) {
      const { code, stderr } = await home.gaiaftcl(args);
      expect(code, args.join(" ")).not.toBe(0);
      expect(stderr).toMatch(/^error: .+\n {2}next: gaiaftcl .+\n$/s);
      expect(stderr).toContain(`--home ${home.layout.home}`);
      const json = checked(await home.gaiaftcl(["--json", ...args]));
      expect(json.at(-1)).toMatchObject({ kind: "error" });
    }
  });

  it("works a cell from keys to evidence, every line a record of the schema", async () => {
    await using home = await TestHome.make();
    const env = await privateBrokers();
    const run = async (...args: string[]): Promise<Record<string, unknown>[]> => {
      const result = await home.gaiaftcl(["--json", ...args], env);
      expect(result.code, `${args.join(" ")}: ${result.stdout}${result.stderr}`).toBe(0);
      return checked(result);
    };
    expect(await run("keys", "show")).toHaveLength(6);
    await run("keys", "check");
    expect(derived((await run("cell", "start"))[0])["running"]).toBe(true);
    try {
      await run("cell", "status");
      await run("doctor");
      await run("franklin", "show", "--explain");
      const [response] = await run("franklin", "compose", "--nonces", "256", "--extranonces", "2");
      const { outcome } = (response as Record<string, unknown>)["signed"] as {
        outcome: { session_id: string };
      };
      await run("franklin", "replay", outcome.session_id);
      await run("franklin", "evaluate", "--session", outcome.session_id);
      await run("franklin", "evaluate", "leading_zero_geometric");
      await run("franklin", "advance", "submission-1");
      expect(await run("substrate", "evidence", "--session", outcome.session_id)).toHaveLength(2);
      await run("substrate", "telemetry");
      await run("substrate", "evaluations");
      await run("substrate", "heartbeats", "--limit", "1");
      await run("substrate", "commands", "--explain");
      const verified = await run("substrate", "verify");
      expect(derived(verified.at(-1))).toMatchObject({ ok: true });
      const checkpoint = join(home.layout.home, "checkpoint.json");
      await run("substrate", "checkpoint", "commands", "--out", checkpoint);
      await run("franklin", "show");
      const [compared] = await run("substrate", "checkpoint", "commands", "--compare", checkpoint);
      expect(derived(compared)).toMatchObject({ ok: true, status: "extended" });
      const [row] = await run("substrate", "evidence", "--limit", "1");
      const { witness_hash_sha256: hash } = (
        (row as Record<string, unknown>)["signed"] as { row: Record<string, string> }
      ).row;
      await run("substrate", "evidence-bundle", "evidence", String(hash));
      const since = await home.gaiaftcl(["substrate", "evidence", "--since", "yesterday"], env);
      expect([since.code, since.stderr]).toEqual([64, expect.stringContaining("substrate --help")]);
      const refused = await home.gaiaftcl(["--json", "franklin", "replay", "no-such-session"], env);
      expect(refused.code).toBe(2);
      checked(refused);
    } finally {
      await run("cell", "stop");
    }
    expect((await home.gaiaftcl(["cell", "status"], env)).code).toBe(1);
  });

  it("signs, cosigns, verifies, publishes, explains and loads a module, and refuses a changed one", async () => {
    await using home = await TestHome.make();
    const manifest = join(home.layout.home, "manifest.json");
    const source = join(home.layout.home, "numpy_bridge");
    await cp(bridge, source, { recursive: true });
    const ok = async (...args: string[]): Promise<string> => {
      const result = await home.gaiaftcl(args);
      expect(result.code, `${args.join(" ")}: ${result.stderr}`).toBe(0);
      return result.stdout;
    };
    const json = async (...args: string[]): Promise<void> => {
      const result = await home.gaiaftcl(["--json", ...args]);
      expect(result.code, `${args.join(" ")}: ${result.stderr}`).toBe(0);
      expect(checked(result).length).toBeGreaterThan(0);
    };
    expect(await ok("mesh", "sign", source, "--module", moduleName, "--out", manifest)).toContain(
      "5 of 5 contexts",
    );
    await ok("mesh", "cosign", manifest, "--context", "tau_block");
    const elsewhere = await home.gaiaftcl(["mesh", "verify", source, "--manifest", manifest]);
    expect([elsewhere.code, elsewhere.stdout]).toEqual([
      2,
      expect.stringContaining("--prefix gaiaftcl/bridges/numpy_bridge"),
    ]);
    const broken = join(home.layout.home, "broken.json");
    await writeFile(broken, "{}");
    for (const args of [
      ["mesh", "verify", source, "--manifest", broken],
      ["mesh", "cosign", broken],
    ]) {
      const refused = await home.gaiaftcl(args);
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(broken)]);
    }
    expect(
      await ok(
        "mesh",
        "verify",
        source,
        "--manifest",
        manifest,
        "--prefix",
        "gaiaftcl/bridges/numpy_bridge",
        "--strict",
        "--require-signed",
      ),
    ).toContain("level signed");
    expect((await home.gaiaftcl(["mesh", "publish", source, moduleName])).code).toBe(0);
    expect(await ok("mesh", "verify", moduleName, "--strict")).toContain("level signed");
    expect(await ok("mesh", "list")).toContain(moduleName);
    expect(await ok("mesh", "explain", moduleName)).toContain("./lib/nibbles.js");
    expect(await ok("mesh", "load", moduleName)).toContain("leading_zero_histogram");
    for (const command of ["verify", "explain", "load"]) await json("mesh", command, moduleName);
    await json("mesh", "list");
    const path = join(home.layout.meshCacheRoot, moduleName, "artifacts/lib/nibbles.js");
    await appendFile(path, "// one more line\n");
    const verified = await home.gaiaftcl(["mesh", "verify", moduleName]);
    expect(verified.code).toBe(2);
    expect(verified.stdout).toContain("changed gaiaftcl/bridges/numpy_bridge/lib/nibbles.js");
    expect((await home.gaiaftcl(["mesh", "load", moduleName])).code).toBe(2);
  });

  it("keeps a task list, also for commands that write it at the same time", async () => {
    await using home = await TestHome.make();
    const json = async (...args: string[]): Promise<Record<string, unknown>[]> =>
      checked(await home.gaiaftcl(["--json", "tasks", ...args])).map((record) => derived(record));
    await Promise.all(["one", "two", "three"].map((title) => json("add", title)));
    const added = await json("list");
    expect(added.map(({ title }) => title).sort()).toEqual(["one", "three", "two"]);
    expect(new Set(added.map(({ id }) => id))).toEqual(new Set([1, 2, 3]));
    await json("complete", "2");
    await json("rename", "3", "the", "third");
    await json("remove", "1");
    expect(await json("list", "--status", "completed")).toMatchObject([{ id: 2 }]);
    expect(await json("list", "--contains", "THIRD")).toMatchObject([
      { id: 3, title: "the third" },
    ]);
    const missing = await home.gaiaftcl(["tasks", "complete", "9"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("gaiaftcl tasks list");
  });

  it("remembers what was published, loaded and refused", async () => {
    await using home = await TestHome.make();
    await home.gaiaftcl(["mesh", "publish", bridge, moduleName]);
    await home.gaiaftcl(["mesh", "load", moduleName]);
    const path = join(home.layout.meshCacheRoot, moduleName, "artifacts/index.js");
    await appendFile(path, "// one more line\n");
    await home.gaiaftcl(["mesh", "load", moduleName]);
    const events = checked(await home.gaiaftcl(["--json", "mesh", "history"])).map(derived);
    expect(events.map(({ kind }) => kind)).toEqual(["refused", "loaded", "published"]);
    expect(events[0]?.["detail"]).toMatch(/^ARTIFACT_MISMATCH: /);
    const refused = checked(
      await home.gaiaftcl(["--json", "mesh", "history", "--kind", "refused"]),
    );
    expect(refused).toHaveLength(1);
    expect(checked(await home.gaiaftcl(["--json", "mesh", "history", "other"]))).toEqual([]);
  });

  it("keeps what else stands in the operators' file, and leaves alone one it cannot add to", async () => {
    await using home = await TestHome.make();
    const path = home.layout.operatorsPath;
    const notes = '# nobody for now\n[operators]\n\n[notes]\nwho = "ask"\n';
    await writeFile(path, notes);
    expect((await home.gaiaftcl(["keys", "generate", "--operator", "second"])).code).toBe(0);
    const added = await readFile(path, "utf8");
    expect(added.startsWith(notes)).toBe(true);
    expect((await home.gaiaftcl(["keys", "check"])).stdout).toContain("operators: second");
    await writeFile(path, "operators = {}\n");
    const refused = await home.gaiaftcl(["keys", "generate", "--operator", "third"]);
    expect([refused.code, await readFile(path, "utf8")]).toEqual([2, "operators = {}\n"]);
    expect((await home.gaiaftcl(["keys", "show"])).stdout).not.toContain("third");
  });

  it("admits an operator made while the cell runs, once it is told to look", async () => {
    await using home = await TestHome.make();
    await using _daemon = await DaemonProcess.start(home, await privateBrokers());
    expect((await home.gaiaftcl(["keys", "generate", "--operator", "deputy"])).code).toBe(0);
    const early = await home.gaiaftcl(["franklin", "show", "--as", "deputy"]);
    expect(early.code).toBe(2);
    expect(early.stderr).toContain("OPERATOR_UNKNOWN");
    const examined = await home.gaiaftcl(["doctor"]);
    expect(examined.stdout).toContain("accepts operator operator");
    expect((await home.gaiaftcl(["cell", "reload"])).code).toBe(0);
    await until(
      "the operator to be admitted",
      async () => (await home.gaiaftcl(["franklin", "show", "--as", "deputy"])).code === 0,
    );
  });

  it("says at once why a daemon did not start", async () => {
    await using home = await TestHome.make();
    await writeFile(configurationPath(home.layout), "heartbeat_seconds = 0\n");
    const { code, stderr } = await home.gaiaftcl(["cell", "start"], await privateBrokers());
    expect(code).toBe(1);
    expect(stderr).toContain("heartbeat_seconds: Invalid value");
    expect(stderr).toContain("cell.log");
  });

  it("refuses keys that others could have read, and says how to mend it", async () => {
    await using home = await TestHome.make();
    const key = join(home.layout.keysDirectory, "cell_id.ed25519.pem");
    await chmod(key, 0o644);
    const checkedKeys = await home.gaiaftcl(["keys", "check"]);
    expect(checkedKeys.code).toBe(2);
    expect(checkedKeys.stderr).toContain(`chmod 600 ${key}`);
  });

  it("treats a keys file that cannot be used as an error, never as no keys", async () => {
    await using home = await TestHome.make();
    await home.gaiaftcl(["mesh", "publish", bridge, moduleName]);
    await writeFile(home.layout.federationKeysPath, "[public_keys]\n");
    for (const args of [
      ["mesh", "load", moduleName],
      ["substrate", "verify"],
      ["substrate", "heartbeats"],
      ["subscribe", "gaiaftcl.>", "--count", "1"],
    ]) {
      const refused = await home.gaiaftcl(args);
      expect(refused.code, args.join(" ")).toBe(2);
      expect(refused.stderr).toContain(home.layout.federationKeysPath);
    }
    await rm(home.layout.federationKeysPath);
    for (const args of [
      ["substrate", "verify", "--signed"],
      ["subscribe", "gaiaftcl.>", "--signed", "--count", "1"],
    ]) {
      const blocked = await home.gaiaftcl(args);
      expect(blocked.code, args.join(" ")).toBe(1);
      expect(blocked.stderr).toContain("--signed needs the federation keys");
    }
    const unsigned = await home.gaiaftcl(["mesh", "load", moduleName]);
    expect(unsigned.stdout).toContain("unsigned");
    expect((await home.gaiaftcl(["mesh", "load", moduleName, "--require-signed"])).code).toBe(2);
  });
});
