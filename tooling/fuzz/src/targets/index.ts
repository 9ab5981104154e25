import type { FuzzTarget } from "../engine/fuzz-target.ts";

const PACKAGES = [
  "canonical-json",
  "cortex",
  "event-bus",
  "franklin-socket",
  "manifest",
  "mesh-history",
  "mesh-loader",
  "nats-broker",
  "nats-subject",
  "net-capability",
  "net-channel",
  "net-control",
  "net-identity",
  "net-mesh",
  "net-wire",
  "redex",
  "sealed-reader",
  "sealed-row",
  "substrate",
  "substrate-command",
  "witness",
] as const;

/** Every target. Imports what they fuzz, so call `readSources` or `instrumentSources` before. */
export async function allTargets(): Promise<FuzzTarget[]> {
  return (await Promise.all(PACKAGES.map(targetsOf))).flat();
}

/** One target; imports the packages it needs and no others. */
export async function loadTarget(name: string): Promise<FuzzTarget> {
  const target = (await targetsOf(name.split("/")[0] ?? "")).find((each) => each.name === name);
  if (target === undefined) throw new RangeError(`there is no fuzz target ${name}`);
  return target;
}

async function targetsOf(packageName: string): Promise<readonly FuzzTarget[]> {
  const module = (await import(`./${packageName}.ts`)) as {
    readonly targets: readonly FuzzTarget[];
  };
  return module.targets;
}
