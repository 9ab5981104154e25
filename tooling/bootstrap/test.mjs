// Everything that must hold before a change lands, in the order in which a mistake is cheapest to
// find. All steps run even when one fails; the last line is the total.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ensurePeers } from "./peers.mjs";

const root = resolve(fileURLToPath(import.meta.url), "..", "..", "..");
const projects = ["unit", "conformance", "interop"];
const quiet = ["--output-logs=errors-only", "--log-order=grouped"];

const steps = {
  format: () => command("biome", ["format", "."]),
  lint: () => command("biome", ["lint", "--error-on-warnings", "."]),
  build: () => command("turbo", ["run", "build", ...quiet]),
  types: () => command("turbo", ["run", "typecheck", ...quiet]),
  packages: () => command("turbo", ["run", "package-check", ...quiet]),
  unused: () => command("knip", []),
  fuzz: () => command("node", ["tooling/fuzz/src/main.ts", "--check"]),
  peers: () => ensurePeers().then(() => one(true)),
  ...Object.fromEntries(projects.map((project) => [project, () => vitest(project)])),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`unknown step ${unknown.join(", ")}; steps: ${Object.keys(steps).join(", ")}`);
  process.exit(64);
}

const total = { passed: 0, failed: 0 };
const lines = [];
for (const name of wanted.length > 0 ? wanted : Object.keys(steps)) {
  console.log(`\n── ${name}`);
  const start = performance.now();
  let count;
  try {
    count = await steps[name]();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    count = one(false);
  }
  total.passed += count.passed;
  total.failed += count.failed;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  lines.push(
    `${count.failed === 0 ? "ok    " : "FAILED"} ${name.padEnd(12)} ${String(count.passed).padStart(6)} passed ${String(count.failed).padStart(4)} failed ${seconds.padStart(7)} s`,
  );
}
console.log(`\n${lines.join("\n")}\n\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);

function command(name, args) {
  const result = spawnSync(join(root, "node_modules", ".bin", name), args, {
    cwd: root,
    stdio: "inherit",
  });
  if (result.error !== undefined) console.error(`cannot run ${name}: ${result.error.message}`);
  return one(result.status === 0);
}

function one(passed) {
  return passed ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A skipped test counts as failed: a peer that is missing must not make a run green. */
function vitest(project) {
  const directory = mkdtempSync(join(tmpdir(), "gaiaftcl-test-"));
  const report = join(directory, "report.json");
  try {
    const { passed, failed } = command("vitest", [
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ]);
    const json = JSON.parse(readFileSync(report, "utf8"));
    const skipped = json.numPendingTests + json.numTodoTests;
    if (skipped > 0) console.error(`${skipped} tests were skipped; none may be`);
    const failures = json.numFailedTests + skipped;
    return {
      passed: json.numPassedTests,
      // A file that fails to load, or an error outside a test, fails the run without a failed test.
      failed: failures === 0 && passed === 0 ? failed : failures,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
