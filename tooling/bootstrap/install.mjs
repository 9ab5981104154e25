import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Installs the dependencies when something they follow from has changed since the last install:
 * the lock file, the workspace file, or any package.json of the workspace. Otherwise it takes
 * a few milliseconds.
 */
export function install(root, { quiet }) {
  const stampPath = join(root, "node_modules", ".gaiaftcl-installed");
  const wanted = fingerprint(root);
  if (existsSync(stampPath) && readFileSync(stampPath, "utf8") === wanted) return;
  if (!quiet) console.log("installing Node, pnpm and dependencies …");
  const pnpm = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies.pnpm;
  const command = process.platform === "win32" ? "npm.cmd" : "npm";
  const result = spawnSync(
    command,
    [
      "exec",
      "--yes",
      `--package=pnpm@${pnpm}`,
      "--",
      "pnpm",
      "install",
      "--frozen-lockfile",
      "--reporter=append-only",
    ],
    { cwd: root, encoding: "utf8", shell: process.platform === "win32" },
  );
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
    console.error(
      "gaiaftcl: the dependencies could not be installed (see above); check that the package registry is reachable and run the command again",
    );
    process.exit(1);
  }
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stampPath, wanted);
}

function fingerprint(root) {
  const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];
  for (const group of ["packages", "apps", "tooling"]) {
    for (const name of readdirSync(join(root, group)).sort()) {
      const file = join(group, name, "package.json");
      if (existsSync(join(root, file))) files.push(file);
    }
  }
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest("hex");
}
