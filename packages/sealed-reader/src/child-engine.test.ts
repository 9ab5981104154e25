import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { expect, it, vi } from "vitest";
import { openSealed } from "./index.js";
import { collect, TestCell } from "./test-cell.testing.js";

it("kills the reading process when it is late to start", async () => {
  const cell = new TestCell();
  await expect(openSealed(cell.path, { foreign: true, deadlineMs: 1 })).rejects.toMatchObject({
    code: "DEADLINE",
  });
});

it("kills the reading process when an answer is late", async () => {
  const cell = new TestCell();
  cell.telemetry(1);
  await using reader = await openSealed(cell.path, { foreign: true, deadlineMs: 3000 });
  const children = childrenOf(process.pid);
  expect(children).toHaveLength(1);
  // Stopped, it is as good as lost in SQLite: nothing in it can answer.
  for (const child of children) process.kill(child, "SIGSTOP");
  await expect(collect(reader.researchTelemetry())).rejects.toMatchObject({ code: "DEADLINE" });
  await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), { timeout: 20_000 });
  await expect(reader.checkpoint("research_telemetry")).rejects.toMatchObject({ code: "DEADLINE" });
});

it("lets go of a reading process that hangs when the caller gives up", async () => {
  const cell = new TestCell();
  const reader = await openSealed(cell.path, { foreign: true, deadlineMs: 3_600_000 });
  const children = childrenOf(process.pid);
  for (const child of children) process.kill(child, "SIGSTOP");
  const stop = new AbortController();
  const reading = collect(reader.researchTelemetry({ signal: stop.signal }));
  setTimeout(() => stop.abort(new Error("given up")), 20);
  await expect(reading).rejects.toThrow("given up");
  await reader.close();
  await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), { timeout: 20_000 });
});

it("finds nothing wrong with a sound file", async () => {
  const cell = new TestCell();
  cell.telemetry(3);
  await using reader = await openSealed(cell.path);
  expect(await reader.quickCheck()).toEqual([]);
});

it("ends with its parent, even from the middle of a loop that never ends", async () => {
  const watcher = pathToFileURL(join(import.meta.dirname, "watch-parent.ts")).href;
  const stuck = `
    const { Worker } = require("node:worker_threads");
    const thread = 'const { workerData, parentPort } = require("node:worker_threads"); import(${JSON.stringify(watcher)}).then(({ watchParent }) => { watchParent(workerData); parentPort.postMessage(0); })';
    const watchdog = new Worker(thread, { eval: true, workerData: process.ppid });
    watchdog.once("message", () => { console.log(process.pid); for (;;); });`;
  const script = `
    require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(stuck)}], { stdio: ["ignore", "inherit", "ignore"] });
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
  const child = Number(line);
  try {
    expect(isAlive(child)).toBe(true);
    parent.kill("SIGKILL");
    await vi.waitFor(() => expect(isAlive(child)).toBe(false), { timeout: 25_000 });
  } finally {
    parent.kill("SIGKILL");
    if (isAlive(child)) process.kill(child, "SIGKILL");
  }
});

it("ends with its parent when that is killed", async () => {
  const cell = new TestCell();
  const script = `
    import { openSealed } from "@gaiaftcl/sealed-reader";
    const reader = await openSealed(process.argv[1], { foreign: true });
    console.log("open");
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script, cell.path], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    await once(createInterface(parent.stdout), "line");
    const children = childrenOf(parent.pid ?? 0);
    expect(children).toHaveLength(1);
    parent.kill("SIGKILL");
    await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), { timeout: 25_000 });
  } finally {
    parent.kill("SIGKILL");
  }
});

it("says so when the reading process dies, and does not start another by itself", async () => {
  const cell = new TestCell();
  cell.telemetry(1);
  await using reader = await openSealed(cell.path, { foreign: true });
  for (const child of childrenOf(process.pid)) process.kill(child, "SIGKILL");
  await expect(collect(reader.researchTelemetry())).rejects.toMatchObject({ code: "CHILD_FAILED" });
  await expect(reader.verifyAll()).rejects.toMatchObject({ code: "CHILD_FAILED" });
});

it("hands the reading process no part of the environment", async () => {
  const cell = new TestCell();
  await using reader = await openSealed(cell.path, { foreign: true });
  expect(reader.isolated).toBe(true);
  const shown = childrenOf(process.pid).map((pid) =>
    execFileSync("ps", ["eww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" }),
  );
  expect(shown.join()).toContain("child-main.js");
  expect(shown.join()).not.toContain("PATH=");
});

/** The reading processes that belong to a process. */
function childrenOf(parent: number): readonly number[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  }).split("\n");
  return lines
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [])
    .filter(([, , owner, command]) => Number(owner) === parent && command?.includes("child-main"))
    .map(([, pid]) => Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
