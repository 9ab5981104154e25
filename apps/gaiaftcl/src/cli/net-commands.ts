import type { Command } from "commander";
import { addNetDriveCommands } from "./net-drive-commands.js";
import { addNetNodeCommands } from "./net-node-commands.js";
import type { RunCommand } from "./run-command.js";

/** `net …`: a node of a Net mesh on this host. */
export function addNetCommands(program: Command, run: RunCommand): void {
  const net = program.command("net").description("a node of a Net mesh on this host");
  addNetNodeCommands(net, run);
  addNetDriveCommands(net, run);
}
