import { existsSync } from "node:fs";
import { type Exit, Program, until } from "@gaiaftcl/peers";
import { describe, expect, it } from "vitest";
import {
  commandLineMain,
  DaemonProcess,
  privateBrokers,
  records,
  TestHome,
} from "./cell-process.ts";

/** A command that runs until it is told to end, and what it has printed so far. */
class LiveCommand implements AsyncDisposable {
  readonly program: Program;
  readonly #printed: string[] = [];

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    this.program = new Program(process.execPath, [commandLineMain, "--json", ...args], {
      env,
      onLine: (line) => this.#printed.push(line),
    });
  }

  records(kind: string): Record<string, unknown>[] {
    return records(this.#printed.join("\n")).filter((record) => record["kind"] === kind);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

const ENDED_WELL: Exit = { code: 0, signal: null };

describe("gaiaftcl dev", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "stays up with heartbeats until %s, then removes its home and exits with 0",
    async (signal) => {
      await using dev = new LiveCommand(["dev"], await privateBrokers());
      await until("a heartbeat", () => dev.records("heartbeat")[0]);
      const { home, socket } =
        (dev.records("cell")[0] as Record<string, Record<string, string>>)["derived"] ?? {};
      expect(existsSync(socket ?? "")).toBe(true);
      expect(await dev.program.end(signal)).toEqual(ENDED_WELL);
      expect(existsSync(home ?? "")).toBe(false);
    },
  );
});

describe("gaiaftcl subscribe", () => {
  it.each([
    ["as they come", [], "bus-unverified"],
    ["confirmed by the database", ["--confirm"], "database-confirmed"],
  ])("shows the rows of a measurement %s", async (_, options, origin) => {
    await using home = await TestHome.make();
    const env = await privateBrokers();
    await using _daemon = await DaemonProcess.start(home, env);
    await using client = await home.connect();
    await using subscribed = new LiveCommand(
      ["--home", home.layout.home, "subscribe", "gaiaftcl.qc020.>", "--count", "4", ...options],
      env,
    );
    // Nothing says from outside when a subscription stands, so measurements go on until it is full.
    await until("four rows", async () => {
      await client.composeQc020Measurement({ noncesPerExtranonce: 16, extranonceCount: 1 });
      return subscribed.records("row").length >= 4 ? true : undefined;
    });
    expect(await subscribed.program.exited).toEqual(ENDED_WELL);
    const rows = subscribed.records("row");
    // Until the brokers have answered, what was sealed meanwhile is read from the database.
    const origins = rows.map(({ derived }) => Reflect.get(Object(derived), "origin"));
    expect(origins).toContain(origin);
    expect(new Set(["database", origin])).toEqual(new Set(["database", ...origins]));
    for (const { derived, signed } of rows) {
      expect(derived).toMatchObject({
        subject: "gaiaftcl.qc020.substrate.joint_variation_evidence.sealed",
        report: { ok: true, level: "facets" },
      });
      expect(signed).toMatchObject({ table: "qc020_joint_variation_evidence" });
    }
  });

  it("reads on from the database while no broker answers", async () => {
    await using home = await TestHome.make();
    await using _daemon = await DaemonProcess.start(home, await privateBrokers());
    await using client = await home.connect();
    await using subscribed = new LiveCommand(
      ["--home", home.layout.home, "subscribe", "gaiaftcl.qc020.>", "--count", "2"],
      await privateBrokers(),
    );
    await until("two rows", async () => {
      await client.composeQc020Measurement({ noncesPerExtranonce: 16, extranonceCount: 1 });
      return subscribed.records("row").length >= 2 ? true : undefined;
    });
    expect(await subscribed.program.exited).toEqual(ENDED_WELL);
    expect(subscribed.records("row")[0]?.["derived"]).toMatchObject({ origin: "database" });
  });
});

describe("gaiaftcl franklin", () => {
  it("is ended by Ctrl-C, and the cell stops what it was doing for it and seals that", async () => {
    await using home = await TestHome.make();
    const env = await privateBrokers();
    await using _daemon = await DaemonProcess.start(home, env);
    await using client = await home.connect();
    const here = ["--home", home.layout.home];
    await using watched = new LiveCommand(
      [...here, "subscribe", "gaiaftcl.substrate.progress.>"],
      env,
    );
    await until("the subscription to stand", async () => {
      await client.composeQc020Measurement({ noncesPerExtranonce: 16, extranonceCount: 1 });
      return watched.records("event")[0];
    });

    await using asked = new LiveCommand(
      [...here, "franklin", "compose", "--nonces", "8388608", "--extranonces", "1"],
      env,
    );
    const itsProgress = (event: Record<string, unknown>): boolean => {
      const payload = String(Reflect.get(Object(event["derived"]), "payload_base64"));
      return Buffer.from(payload, "base64").toString().includes("8388608");
    };
    await until("the measurement to begin", () => watched.records("event").find(itsProgress));
    expect(await asked.program.end("SIGINT")).toEqual({ code: 1, signal: null });
    expect(asked.records("error")).toHaveLength(1);
    await until("the cancelled command to be sealed", async () => {
      const { stdout } = await home.gaiaftcl(["--json", "substrate", "commands"]);
      return stdout.includes("CANCELLED") ? true : undefined;
    });
  });
});
