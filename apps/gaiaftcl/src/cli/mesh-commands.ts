import type { Command } from "commander";
import { addManifestCommands } from "./mesh-manifest-commands.js";
import { addModuleCommands } from "./mesh-module-commands.js";
import type { RunCommand } from "./run-command.js";

/** `mesh …`: manifests and the modules of the mesh cache (cell format, sections 3, 4 and 8). */
export function addMeshCommands(program: Command, run: RunCommand): void {
  const mesh = program
    .command("mesh")
    .description("sign, cosign, verify, publish and load modules");
  addManifestCommands(mesh, run);
  addModuleCommands(mesh, run);
}
