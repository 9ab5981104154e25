/**
 * The one build every package uses: ES modules for Node 22 and newer, one file per entry point,
 * with source maps. Types come from `tsc --emitDeclarationOnly`, beside it.
 *
 * @param {{ entry: string[], external?: string[] }} options entry files relative to the package
 */
export function library({ entry, external = [] }) {
  return {
    entry,
    external: [/^#/, /^node:/, ...external],
    format: "esm",
    target: "node22",
    platform: "neutral",
    sourcemap: true,
    clean: true,
    splitting: true,
    treeshake: true,
    dts: false,
    removeNodeProtocol: false,
  };
}
