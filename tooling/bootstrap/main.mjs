// The one door for a machine that has only npm. Plain JavaScript that runs on Node 20: it installs the
// project's own Node and pnpm, builds what changed, and hands over to them.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "./install.mjs";

const root = resolve(fileURLToPath(import.meta.url), "..", "..", "..");
const bin = join(root, "node_modules", ".bin");
const node = join(bin, process.platform === "win32" ? "node.exe" : "node");
const [task, ...args] = process.argv.slice(2);

/** What each task builds before it runs, and what it then runs under the project's own Node. */
const tasks = {
  start: { build: ["gaiaftcl"], script: "apps/gaiaftcl/dist/main.js", args: ["dev", ...args] },
  gaiaftcl: { build: ["gaiaftcl"], script: "apps/gaiaftcl/dist/main.js", args },
  bench: { build: ["@gaiaftcl/bench^..."], script: "tooling/bench/src/main.ts", args },
  fuzz: { build: ["@gaiaftcl/fuzz^..."], script: "tooling/fuzz/src/main.ts", args },
  test: { build: [], script: "tooling/bootstrap/test.mjs", args },
};

const wanted = tasks[task];
if (wanted === undefined) {
  fail(`unknown task ${JSON.stringify(task)}: expected one of ${Object.keys(tasks).join(", ")}`);
}

install(root, { quiet: task === "gaiaftcl" });
if (wanted.build.length > 0) build(wanted.build);
// The command line works on the files of the directory the user called it from.
const cwd = task === "gaiaftcl" ? (process.env.INIT_CWD ?? root) : root;
const child = spawn(node, [join(root, wanted.script), ...wanted.args], {
  cwd,
  stdio: "inherit",
  env: environment(),
});
// Ctrl-C reaches the whole group; `kill` reaches only this process. Either way the child decides when
// it is done, and this process ends with it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => fail(`cannot run ${node}: ${error.message}`));
child.on("exit", (code, signal) => {
  process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
});

function build(filters) {
  const turbo = spawnSync(
    node,
    [
      join(root, "node_modules", "turbo", "bin", "turbo"),
      "run",
      "build",
      ...filters.map((filter) => `--filter=${filter}`),
      "--output-logs=errors-only",
      "--log-order=grouped",
    ],
    { cwd: root, encoding: "utf8", env: environment() },
  );
  if (turbo.status !== 0) {
    process.stderr.write(`${turbo.stdout ?? ""}${turbo.stderr ?? ""}`);
    fail("the build failed: see above");
  }
}

function environment() {
  return {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`,
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_NO_UPDATE_NOTIFIER: "1",
  };
}

function fail(message) {
  console.error(`gaiaftcl: ${message}`);
  if (!existsSync(node)) console.error("gaiaftcl: delete node_modules and run the command again");
  process.exit(1);
}
