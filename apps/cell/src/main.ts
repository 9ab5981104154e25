#!/usr/bin/env node
import { homedir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { cellLayout } from "@gaiaftcl/cell-layout";
import { pino } from "pino";
import { startCell } from "./cell.js";
import { loadConfiguration } from "./configuration.js";

const { values } = parseArgs({
  options: {
    home: { type: "string" },
    "log-level": { type: "string", default: "info" },
  },
});
// Written in order and at once: the last line of a daemon that ends is the one that matters.
const logger = pino({ level: values["log-level"], base: null }, pino.destination({ sync: true }));

try {
  const layout = cellLayout(
    { platform: process.platform, homeDirectory: homedir(), env: process.env },
    values.home === undefined ? {} : { home: resolve(values.home) },
  );
  const cell = await startCell({
    layout,
    configuration: await loadConfiguration(layout, process.env),
    logger,
  });
  logger.info({ ...cell.state, home: layout.home }, "the cell runs");
  process.on("SIGHUP", () => {
    cell.reloadOperators().then(
      () => logger.info("operators read again"),
      (error: unknown) => logger.error({ err: error }, "the operators stay as they were"),
    );
  });
  const signal = await new Promise<NodeJS.Signals>((end) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, end);
  });
  logger.info({ signal }, "shutting down");
  await cell.close();
  logger.info("ended");
} catch (error) {
  logger.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
