import type { Manifest } from "@gaiaftcl/manifest/format";
import type { LoaderPolicy } from "./loader-options.js";
import { MeshLoaderError } from "./mesh-loader-error.js";
import type { ModuleName } from "./module-name.js";

/** How far the clocks of two hosts may differ. */
const SKEW_MS = 5 * 60 * 1000;

/**
 * Refuses a version of the future, which would make every later one look old, and one that is older
 * than the caller accepts (cell format, section 4).
 *
 * @returns the age in seconds, not below zero
 * @throws MeshLoaderError `FUTURE` or `STALE`
 */
export function ensureAge(policy: LoaderPolicy, name: ModuleName, manifest: Manifest): number {
  const now = policy.clock().getTime();
  const age = now - Date.parse(manifest.producedAtIso);
  const found = `${name} was produced at ${manifest.producedAtIso}`;
  if (age < -SKEW_MS) {
    throw new MeshLoaderError(
      "FUTURE",
      `${found}, more than five minutes after the time here, ${new Date(now).toISOString()}: set the clock, here or where it was signed`,
    );
  }
  if (policy.maxAge !== undefined && age > policy.maxAge * 1000) {
    throw new MeshLoaderError(
      "STALE",
      `${found}, ${Math.floor(age / 1000)} seconds ago, and at most ${policy.maxAge} are accepted: publish it anew, or raise maxAge`,
    );
  }
  return Math.max(0, Math.floor(age / 1000));
}

/**
 * Refuses a version that is older than one accepted before, or another of the same time; remembers it
 * otherwise (cell format, section 4).
 *
 * @param signed whether the federation's signatures were verified
 * @param record false to judge without remembering
 * @throws MeshLoaderError `ROLLBACK`, `EQUIVOCATION` or `TRUST_STORE`
 */
export function admitVersion(
  policy: LoaderPolicy,
  name: ModuleName,
  manifest: Manifest,
  signed: boolean,
  record: boolean,
): void {
  const { cellId, domainId, producedAtIso, witnessHash } = manifest;
  const verdict = policy.trustStore.admit(
    { module: name, cellId, domainId, signed },
    { producedAtIso, witnessHash },
    { record },
  );
  if (verdict.kind === "older" && !policy.allowRollback) {
    throw new MeshLoaderError(
      "ROLLBACK",
      `${name} was produced at ${producedAtIso}, and a version of ${verdict.newest.producedAtIso} (${verdict.newest.witnessHash}) was accepted before: publish the newest again, or load with allowRollback`,
    );
  }
  if (verdict.kind === "other") {
    throw new MeshLoaderError(
      "EQUIVOCATION",
      `${name} has two versions produced at ${producedAtIso}: ${verdict.newest.witnessHash} was accepted before, found ${witnessHash}; whoever signed both must say which is right, and sign it at a later time`,
    );
  }
}
