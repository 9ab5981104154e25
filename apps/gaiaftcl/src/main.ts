#!/usr/bin/env node
import { readFileSync } from "node:fs";

const { version, engines } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as { version: string; engines: { node: string } };

// Node 22 and 24 warn of their SQLite at every start, which is nothing that the user could act on.
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name === "ExperimentalWarning" && warning.message.startsWith("SQLite ")) return;
  process.stderr.write(`${warning.name}: ${warning.message}\n`);
});

// An older Node would fail at an import, in words that help nobody.
if (process.getBuiltinModule?.("node:sqlite") === undefined) {
  process.stderr.write(
    `error: gaiaftcl needs Node ${engines.node}, found ${process.version}\n  next: npx --package node@26 --package gaiaftcl gaiaftcl --help\n`,
  );
  process.exit(1);
}
const { runCommandLine } = await import("./cli/program.js");

// The first Ctrl-C asks the command to end; a second one, a moment later, does not wait for it. Both
// a terminal and a parent may pass on the same keystroke, so that two at once are one.
const interrupted = new AbortController();
const patienceMs = 1_000;
let firstAt: number | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (firstAt !== undefined && performance.now() - firstAt > patienceMs) process.exit(130);
    firstAt ??= performance.now();
    interrupted.abort(new Error(`ended by ${signal}`));
  });
}
// A reader that has seen enough, such as `head`, ends the command like Ctrl-C does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  interrupted.abort(error);
});

process.exitCode = await runCommandLine({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  version,
  signal: interrupted.signal,
});
