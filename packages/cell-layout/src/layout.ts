import { posix, win32 } from "node:path";
import { CellLayoutError } from "./cell-layout-error.js";

/** What the layout depends on, handed in so that this package reads no global state. */
export interface HostEnvironment {
  /** As `process.platform`: `darwin`, `linux`, `win32`, ... */
  readonly platform: string;
  /** As `os.homedir()`: absolute. */
  readonly homeDirectory: string;
  /** As `process.env`. An empty variable counts as unset. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Where one cell keeps each of its things. Every path is absolute; nothing is created. */
export interface CellLayout {
  /** Settings, keys and the mesh cache: `~/.gaiaftcl`. */
  readonly home: string;
  /** What the daemon writes: database, socket, lock. */
  readonly dataDirectory: string;
  readonly databasePath: string;
  readonly socketPath: string;
  readonly lockPath: string;
  /** The newest manifest seen of each module; outside the cache, which others may write. */
  readonly trustStorePath: string;
  readonly meshCacheRoot: string;
  /** Private keys, `<context>.ed25519.pem`. */
  readonly keysDirectory: string;
  readonly federationKeysPath: string;
  readonly operatorsPath: string;
  /** The miner's two configuration files. */
  readonly krakenConfigPath: string;
  readonly bitcoinNodeConfigPath: string;
}

/**
 * Works out where a cell keeps its things (cell format, sections 2, 4, 5 and 6).
 *
 * `overrides.home` moves everything below one directory: its data stands in `<home>/data` and its
 * cache in `<home>/mesh_cache`, whatever `GAIAFTCL_DATA` and `GAIAFTCL_MESH_CACHE` say, so that a
 * scratch cell never touches the real one.
 *
 * @throws CellLayoutError `RELATIVE_PATH` for an override or variable that is not absolute,
 *   `NO_HOME` when there is neither a home directory nor an override.
 */
export function cellLayout(
  host: HostEnvironment,
  overrides: { readonly home?: string } = {},
): CellLayout {
  const { isAbsolute, join } = host.platform === "win32" ? win32 : posix;

  const absolute = (name: string, path: string): string => {
    if (isAbsolute(path)) return path;
    throw new CellLayoutError(
      "RELATIVE_PATH",
      `${name} must be an absolute path, found ${JSON.stringify(path)}: a relative one would mean another place in each process`,
    );
  };
  const variable = (name: string): string | undefined => {
    const value = host.env[name];
    return value === undefined || value === "" ? undefined : absolute(name, value);
  };
  const account = (): string => {
    if (isAbsolute(host.homeDirectory)) return host.homeDirectory;
    throw new CellLayoutError(
      "NO_HOME",
      `expected an absolute home directory, found ${JSON.stringify(host.homeDirectory)}: set HOME or name the cell's home`,
    );
  };
  const platformData = (): string => {
    if (host.platform === "darwin") return join(account(), "Library", "Application Support");
    // The XDG base directory specification: a relative value is invalid and is to be ignored.
    const { XDG_DATA_HOME = "" } = host.env;
    return isAbsolute(XDG_DATA_HOME) ? XDG_DATA_HOME : join(account(), ".local", "share");
  };

  const moved = overrides.home === undefined ? undefined : absolute("home", overrides.home);
  const home = moved ?? join(account(), ".gaiaftcl");
  const dataDirectory =
    moved === undefined
      ? (variable("GAIAFTCL_DATA") ?? join(platformData(), "GaiaFTCL"))
      : join(home, "data");
  const meshCacheRoot =
    (moved === undefined ? variable("GAIAFTCL_MESH_CACHE") : undefined) ?? join(home, "mesh_cache");

  return {
    home,
    dataDirectory,
    databasePath: join(dataDirectory, "substrate.sqlite"),
    socketPath: join(dataDirectory, "franklin.sock"),
    lockPath: join(dataDirectory, "franklin.lock"),
    trustStorePath: join(dataDirectory, "trust.sqlite"),
    meshCacheRoot,
    keysDirectory: join(home, "keys"),
    federationKeysPath: join(home, "federation_keys.toml"),
    operatorsPath: join(home, "operators.toml"),
    krakenConfigPath: join(home, "qc021_kraken.toml"),
    bitcoinNodeConfigPath: join(home, "btc_node.toml"),
  };
}
