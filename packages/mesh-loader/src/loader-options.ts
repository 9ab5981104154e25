import { isBuiltin } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  CONTEXTS,
  type FederationContext,
  type FederationKeys,
  federationKeys,
  isFederationContext,
  isSha256Hex,
} from "@gaiaftcl/witness";
import { type PublicKey, parsePublicKey, publicKeyToHex } from "@gaiaftcl/witness/ed25519";
import { defaultPlaces } from "./cache-root.js";
import { MeshLoaderError, quote, reasonOf } from "./mesh-loader-error.js";
import { ensureModuleName } from "./module-name.js";
import { leadsInto } from "./resolved-path.js";
import { SqliteTrustStore, type TrustStore } from "./trust-store.js";

/** What a loader trusts, and what it lets modules reach. */
export interface MeshLoaderOptions {
  /** The directory of the cache; `GAIAFTCL_MESH_CACHE` or `~/.gaiaftcl/mesh_cache` unless given. */
  readonly cacheRoot?: string | undefined;
  /**
   * The federation's keys: what `loadFederationKeys` returns, or a key for each of the five contexts as
   * 64 hex digits, base64 or PEM. With them every module must be signed by all five.
   */
  readonly federationPublicKeys?:
    | FederationKeys
    | Readonly<Record<FederationContext, string | PublicKey>>
    | undefined;
  /** Refuse to work without keys, which would prove consistency and not origin. */
  readonly requireSigned?: boolean | undefined;
  /**
   * What modules may import beside signed files and other mesh modules: built-ins (`node:path`) and
   * packages of the host (`lodash`, or `lodash/*` for every subpath), each by its exact name. Nothing
   * unless given.
   */
  readonly allow?: readonly string[] | undefined;
  /** Where allowed packages are looked up: a file or directory; the working directory unless given. */
  readonly hostBase?: string | URL | undefined;
  /** Load manifests whose paths do not begin with the name of the module: a foreign cache. */
  readonly allowUnboundModule?: boolean | undefined;
  /** Load versions older than one that was accepted before. */
  readonly allowRollback?: boolean | undefined;
  /** Let a module import modules of another cell or domain. */
  readonly allowMixedOrigin?: boolean | undefined;
  /** The age in seconds at which a version is too old; any age unless given. */
  readonly maxAge?: number | undefined;
  /** Witness hashes by module name. With a lock only the versions in it are loaded. */
  readonly lock?: Readonly<Record<string, string>> | undefined;
  /**
   * Where accepted versions are remembered: a path, or a store; `trust.sqlite` in the cell's data
   * directory unless given.
   */
  readonly trustStore?: string | TrustStore | undefined;
  /** The current time; the system's clock unless given. */
  readonly clock?: (() => Date) | undefined;
  /** The most bytes of one module; 256 MiB unless given. */
  readonly maxModuleBytes?: number | undefined;
}

/** The options of a loader, checked and complete. */
export interface LoaderPolicy {
  readonly cacheRoot: string;
  readonly keys: FederationKeys | undefined;
  readonly allow: ReadonlySet<string>;
  /** A `file:` URL. */
  readonly hostBase: string;
  readonly allowUnboundModule: boolean;
  readonly allowRollback: boolean;
  readonly allowMixedOrigin: boolean;
  readonly maxAge: number | undefined;
  readonly lock: ReadonlyMap<string, string> | undefined;
  readonly trustStore: TrustStore;
  readonly clock: () => Date;
  readonly maxModuleBytes: number;
  /** Equal for policies under which one and the same version may be shared. */
  readonly fingerprint: string;
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof MeshLoaderOptions>([
  "cacheRoot",
  "federationPublicKeys",
  "requireSigned",
  "allow",
  "hostBase",
  "allowUnboundModule",
  "allowRollback",
  "allowMixedOrigin",
  "maxAge",
  "lock",
  "trustStore",
  "clock",
  "maxModuleBytes",
]);
const DEFAULT_MODULE_BYTES = 256 * 1024 * 1024;
const systemClock = (): Date => new Date();

/**
 * Checks the options of a loader. An option that is not known is refused: it may be a safeguard that
 * the caller counts on.
 *
 * @throws MeshLoaderError `ARGUMENT`, `KEYS_REQUIRED`, `KEYS_UNUSABLE` or `MODULE_NAME`
 */
export function loaderPolicy(options: MeshLoaderOptions): LoaderPolicy {
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) {
      throw argument(`unknown option ${quote(name)}; known are ${[...OPTION_NAMES].join(", ")}`);
    }
  }
  const keys = keysOf(options.federationPublicKeys);
  if (options.requireSigned === true && keys === undefined) {
    throw new MeshLoaderError(
      "KEYS_REQUIRED",
      "signatures are required, and there are no keys to check them with: give federationPublicKeys",
    );
  }
  const cacheRoot = resolve(options.cacheRoot ?? defaultPlaces().cacheRoot);
  const policy = {
    cacheRoot,
    keys,
    allow: new Set((options.allow ?? []).map(ensureAllowed)),
    hostBase: baseUrl(options.hostBase),
    allowUnboundModule: options.allowUnboundModule ?? false,
    allowRollback: options.allowRollback ?? false,
    allowMixedOrigin: options.allowMixedOrigin ?? false,
    maxAge: positive("maxAge", options.maxAge),
    lock: lockOf(options.lock),
    trustStore: storeOf(options.trustStore, cacheRoot),
    clock: options.clock ?? systemClock,
    maxModuleBytes: positive("maxModuleBytes", options.maxModuleBytes) ?? DEFAULT_MODULE_BYTES,
  };
  return { ...policy, fingerprint: fingerprintOf(policy) };
}

function keysOf(given: MeshLoaderOptions["federationPublicKeys"]): FederationKeys | undefined {
  if (given === undefined) return undefined;
  try {
    if (isFederationKeys(given)) {
      // Checked again, since the object may not come from a function that checks.
      federationKeys(given.keys, { singleOperator: given.singleOperator });
      for (const key of given.keys.values()) {
        if (given.revoked.has(publicKeyToHex(key))) throw new TypeError("a key is revoked");
      }
      return given;
    }
    return federationKeys(
      Object.entries(given).map(([context, key]) => {
        if (!isFederationContext(context)) throw new TypeError(`unknown context ${quote(context)}`);
        return [context, typeof key === "string" ? parsePublicKey(key) : key] as const;
      }),
    );
  } catch (cause) {
    throw new MeshLoaderError(
      "KEYS_UNUSABLE",
      `federationPublicKeys cannot be used: ${reasonOf(cause)}; expected a key for each of ${CONTEXTS.join(", ")}`,
      { cause },
    );
  }
}

function isFederationKeys(given: object): given is FederationKeys {
  return "keys" in given && "revoked" in given && "singleOperator" in given;
}

const PACKAGE = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~_-][a-z0-9._~-]*(?:\/[^:]+)?$/i;

/** Whether `allow` can list a name: a built-in or a package, not a path or URL. */
export function isAllowable(name: string): boolean {
  return isBuiltin(name) || PACKAGE.test(name);
}

function ensureAllowed(name: unknown): string {
  if (typeof name === "string" && isAllowable(name)) return name;
  throw argument(
    `expected in allow the name of a built-in or a package, found ${typeof name === "string" ? quote(name) : typeof name}; paths and URLs cannot be allowed`,
  );
}

function lockOf(lock: MeshLoaderOptions["lock"]): ReadonlyMap<string, string> | undefined {
  if (lock === undefined) return undefined;
  return new Map(
    Object.entries(lock).map(([name, hash]) => {
      ensureModuleName(name);
      if (isSha256Hex(hash)) return [name, hash] as const;
      throw argument(`expected in lock the witness hash of ${name} as 64 lower-case hex digits`);
    }),
  );
}

function storeOf(given: string | TrustStore | undefined, cacheRoot: string): TrustStore {
  if (typeof given === "object") return given;
  const path = resolve(given ?? defaultPlaces().trustStorePath);
  if (leadsInto(path, cacheRoot)) {
    throw argument(
      `the trust store ${path} is in the cache, where whoever writes the cache could change it`,
    );
  }
  return new SqliteTrustStore(path);
}

function baseUrl(base: string | URL | undefined): string {
  if (base instanceof URL || base?.startsWith("file:") === true) return new URL(base).href;
  // A file in the directory, so that the lookup begins in the directory itself.
  return pathToFileURL(resolve(base ?? ".", "mesh-module.js")).href;
}

function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isFinite(value) && value > 0)) return value;
  throw argument(`expected ${name} to be a number above 0, found ${String(value)}`);
}

function argument(message: string): MeshLoaderError {
  return new MeshLoaderError("ARGUMENT", message);
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;

/** A number of its own for each object, the same as long as the process lives. */
function identityOf(object: object): number {
  let identity = identities.get(object);
  if (identity === undefined) {
    lastIdentity += 1;
    identity = lastIdentity;
    identities.set(object, identity);
  }
  return identity;
}

function fingerprintOf(policy: Omit<LoaderPolicy, "fingerprint">): string {
  const { keys, trustStore, clock, lock } = policy;
  return JSON.stringify([
    policy.cacheRoot,
    keys === undefined
      ? null
      : [
          CONTEXTS.map((context) => {
            const key = keys.keys.get(context);
            return key === undefined ? "" : publicKeyToHex(key);
          }),
          keys.singleOperator,
          [...keys.revoked].sort(),
        ],
    [...policy.allow].sort(),
    policy.hostBase,
    policy.allowUnboundModule,
    policy.allowRollback,
    policy.allowMixedOrigin,
    policy.maxAge ?? null,
    lock === undefined ? null : [...lock].sort(),
    trustStore instanceof SqliteTrustStore ? trustStore.path : identityOf(trustStore),
    clock === systemClock ? null : identityOf(clock),
    policy.maxModuleBytes,
  ]);
}
