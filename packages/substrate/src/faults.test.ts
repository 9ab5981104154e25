import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { openSubstrate } from "./substrate.js";
import { IDENTITY, scratch, telemetry, verifiedRows } from "./substrate.testing.js";

const TABLE = "research_telemetry";
const LIMIT = 120_000;

describe("a process that is killed while it seals", { timeout: LIMIT }, () => {
  it("leaves no half row, loses none it was told of, and the next one goes on", async () => {
    using place = scratch();
    const told: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      const child = start({ path: place.path, name: `r${round}`, count: 100_000 });
      const lines: string[] = [];
      const killAfter = 1 + ((round * 7) % 40);
      for await (const line of linesOf(child)) {
        lines.push(line);
        if (lines.length === killAfter) child.kill("SIGKILL");
      }
      told.push(...lines);
      const rows = verifiedRows(place.path, TABLE).map((row) => row["telemetry_id"]);
      expect(rows).toEqual(expect.arrayContaining(told));
    }
    using substrate = openSubstrate(place.path, IDENTITY);
    expect(substrate.checkIntegrity()).toEqual([]);
    substrate.seal(TABLE, telemetry("after"));
    expect(verifiedRows(place.path, TABLE).at(-1)).toMatchObject({ telemetry_id: "after" });
  });

  it("has broadcast nothing that is not there, and the next one broadcasts the rest in order", async () => {
    using place = scratch();
    const published = join(place.directory, "published");
    writeFileSync(published, "");
    const publishTo = published;
    for (let round = 0; round < 5; round += 1) {
      const child = start({ path: place.path, name: `r${round}`, count: 100_000, publishTo });
      let lines = 0;
      for await (const _ of linesOf(child)) {
        lines += 1;
        if (lines === 60 + round * 13) child.kill("SIGKILL");
      }
    }
    const last = start({ path: place.path, name: "last", count: 8, publishTo });
    expect((await allLines(last)).at(-1)).toBe("done");
    const ids = readFileSync(published, "utf8").trimEnd().split("\n");
    // At least once: what is left without the doubles is the table, in order.
    expect([...new Set(ids)]).toEqual(
      verifiedRows(place.path, TABLE).map((row) => row["telemetry_id"]),
    );
  });
});

describe("several processes that seal at once", { timeout: LIMIT }, () => {
  it("make one chain together", async () => {
    using place = scratch();
    const children = ["a", "b", "c"].map((name) => start({ path: place.path, name, count: 120 }));
    const said = await Promise.all(children.map(allLines));
    expect(said.map((lines) => lines.at(-1))).toEqual(["done", "done", "done"]);
    expect(verifiedRows(place.path, TABLE)).toHaveLength(360);
  });
});

describe("a home that cannot be written", { timeout: LIMIT }, () => {
  it("is named as such where there is no database yet", async () => {
    using place = scratch();
    const home = join(place.directory, "home");
    makeReadOnly(home);
    const lines = await allLines(
      start({ path: join(home, "substrate.sqlite"), name: "x", count: 8, dropPrivileges: true }),
    );
    expect(lines).toEqual([expect.stringMatching(/^error DATABASE_READ_ONLY cannot open .*home/)]);
  });

  it("is named as such where there is a database, which stays whole", async () => {
    using place = scratch();
    const home = join(place.directory, "home");
    const path = join(home, "substrate.sqlite");
    {
      using substrate = openSubstrate(path, IDENTITY);
      substrate.seal(TABLE, telemetry("before"));
    }
    const before = readFileSync(path);
    chmodSync(path, 0o444);
    makeReadOnly(home);
    const lines = await allLines(start({ path, name: "x", count: 8, dropPrivileges: true }));
    expect(lines).toEqual([expect.stringMatching(/^error DATABASE_READ_ONLY /)]);
    expect(readFileSync(path)).toEqual(before);

    chmodSync(home, 0o700);
    chmodSync(path, 0o600);
    using substrate = openSubstrate(path, IDENTITY);
    substrate.seal(TABLE, telemetry("after"));
    expect(verifiedRows(path, TABLE)).toHaveLength(2);
  });
});

describe("a disk that takes no more", { timeout: LIMIT }, () => {
  it("stops the sealing with a clear error, and what was sealed stays whole", async () => {
    using place = scratch();
    openSubstrate(place.path, IDENTITY).close();
    const instructions = { path: place.path, name: "x", count: 100_000, valueLength: 20_000 };
    // The system refuses to let any file of the process grow beyond this, in the midst of a write.
    const blocks = Math.ceil(statSync(place.path).size / 512) + 400;
    const child = startUnder(`ulimit -f ${blocks}`, instructions);
    const lines = await allLines(child);
    expect(lines.at(-1)).toMatch(/^error DATABASE_(FULL|UNAVAILABLE) /);
    const told = lines.slice(0, -1);
    expect(told.length).toBeGreaterThan(0);

    using substrate = openSubstrate(place.path, IDENTITY);
    expect(substrate.checkIntegrity()).toEqual([]);
    substrate.seal(TABLE, telemetry("after"));
    const rows = verifiedRows(place.path, TABLE).map((row) => row["telemetry_id"]);
    expect(rows).toEqual(expect.arrayContaining([...told, "after"]));
  });
});

interface Instructions {
  readonly path: string;
  readonly name: string;
  readonly count: number;
  readonly valueLength?: number;
  readonly publishTo?: string;
  readonly dropPrivileges?: boolean;
}

const CHILD = join(import.meta.dirname, "sealing-child.testing.ts");

function start(instructions: Instructions): ChildProcess {
  return spawn(process.execPath, [CHILD, argument(instructions)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Through a shell that sets a limit first, and that the child then replaces. */
function startUnder(limit: string, instructions: Instructions): ChildProcess {
  const script = `${limit} && exec "$0" "$@"`;
  return spawn("/bin/sh", ["-c", script, process.execPath, CHILD, argument(instructions)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function argument(instructions: Instructions): string {
  return JSON.stringify({ valueLength: 10, ...instructions });
}

/** Every line until the process has ended. */
async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  if (child.stdout === null) return;
  const closed = once(child, "close");
  try {
    yield* createInterface({ input: child.stdout });
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
}

async function allLines(child: ChildProcess): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(child)) lines.push(line);
  return lines;
}

/** Owned by whom the child becomes: for root, no mode is a hindrance. */
function makeReadOnly(home: string): void {
  mkdirSync(home, { recursive: true });
  if (process.getuid?.() === 0) {
    chownSync(home, 65534, 65534);
    chmodSync(join(home, ".."), 0o755);
  }
  chmodSync(home, 0o500);
}
