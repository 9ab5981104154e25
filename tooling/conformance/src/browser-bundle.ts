import { join } from "node:path";
import { build, type Metafile } from "esbuild";

/** A page's program as one file, and what went into it. */
export interface Bundle {
  readonly code: string;
  readonly inputs: readonly string[];
  readonly imports: readonly string[];
}

/**
 * Bundles a program of this folder the way a web project does: for a platform that has no built-in
 * modules, with the conditions of that platform.
 */
export async function bundleFor(conditions: readonly string[], entry: string): Promise<Bundle> {
  const { metafile, outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, entry)],
    absWorkingDir: join(import.meta.dirname, "../../.."),
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    // Neutral sets no condition by itself, so only those given apply.
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: [...conditions],
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs) as [Metafile["outputs"][string]];
  return {
    code: outputFiles[0]?.text ?? "",
    inputs: Object.keys(metafile.inputs),
    imports: output.imports.map((imported) => imported.path),
  };
}
