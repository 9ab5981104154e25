import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CellConfiguration, configurationPath, loadConfiguration } from "@gaiaftcl/cell";
import { type CellLayout, cellLayout } from "@gaiaftcl/cell-layout";
import { KeyStore, writeFederationKeysFile } from "@gaiaftcl/key-store";
import { CONTEXTS, type FederationContext } from "@gaiaftcl/witness";
import { type KeyPair, publicKeyToHex } from "@gaiaftcl/witness/ed25519";

/** The operator of a scratch cell. */
export const scratchOperator = "operator";

/** A home on throw-away keys. */
export interface ScratchHome extends AsyncDisposable {
  readonly layout: CellLayout;
  readonly configuration: CellConfiguration;
  readonly federation: ReadonlyMap<FederationContext, KeyPair>;
  readonly operator: KeyPair;
}

/** Makes a home in the system's temporary directory; disposing removes it with all it holds. */
export async function makeScratchHome(env: NodeJS.ProcessEnv): Promise<ScratchHome> {
  const home = await mkdtemp(join(tmpdir(), "gaiaftcl-"));
  const layout = cellLayout({ platform: process.platform, homeDirectory: home, env }, { home });
  const keys = new KeyStore(layout.keysDirectory);
  const federation = new Map<FederationContext, KeyPair>();
  for (const context of CONTEXTS) federation.set(context, await keys.generate(context));
  const operator = await keys.generate(scratchOperator);
  await writeFederationKeysFile(
    layout.federationKeysPath,
    [...federation].map(([context, { publicKey }]) => [context, publicKey] as const),
  );
  await writeFile(
    layout.operatorsPath,
    `[operators]\n${scratchOperator} = "${publicKeyToHex(operator.publicKey)}"\n`,
    { mode: 0o600 },
  );
  await writeFile(
    configurationPath(layout),
    'cell_id = "gaiaftcl-dev-cell"\ndomain_id = "dev"\nheartbeat_seconds = 5\n',
  );
  return {
    layout,
    configuration: await loadConfiguration(layout, env),
    federation,
    operator,
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}
