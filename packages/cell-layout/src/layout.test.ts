import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CellLayoutError, cellLayout, type HostEnvironment } from "./index.js";

const linux: HostEnvironment = { platform: "linux", homeDirectory: "/home/ada", env: {} };
const mac: HostEnvironment = { platform: "darwin", homeDirectory: "/Users/ada", env: {} };

function withEnv(host: HostEnvironment, env: Record<string, string | undefined>): HostEnvironment {
  return { ...host, env };
}

describe("the layout of a cell", () => {
  it("keeps settings in ~/.gaiaftcl and data in the XDG data directory on Linux", () => {
    expect(cellLayout(linux)).toEqual({
      home: "/home/ada/.gaiaftcl",
      dataDirectory: "/home/ada/.local/share/GaiaFTCL",
      databasePath: "/home/ada/.local/share/GaiaFTCL/substrate.sqlite",
      socketPath: "/home/ada/.local/share/GaiaFTCL/franklin.sock",
      lockPath: "/home/ada/.local/share/GaiaFTCL/franklin.lock",
      trustStorePath: "/home/ada/.local/share/GaiaFTCL/trust.sqlite",
      meshCacheRoot: "/home/ada/.gaiaftcl/mesh_cache",
      keysDirectory: "/home/ada/.gaiaftcl/keys",
      federationKeysPath: "/home/ada/.gaiaftcl/federation_keys.toml",
      operatorsPath: "/home/ada/.gaiaftcl/operators.toml",
      krakenConfigPath: "/home/ada/.gaiaftcl/qc021_kraken.toml",
      bitcoinNodeConfigPath: "/home/ada/.gaiaftcl/btc_node.toml",
    });
  });

  it("keeps data in Application Support on macOS, where XDG means nothing", () => {
    const layout = cellLayout(withEnv(mac, { XDG_DATA_HOME: "/elsewhere" }));
    expect(layout.dataDirectory).toBe("/Users/ada/Library/Application Support/GaiaFTCL");
  });

  it("follows XDG_DATA_HOME elsewhere, but ignores a relative or empty one", () => {
    const dataOf = (value: string): string =>
      cellLayout(withEnv(linux, { XDG_DATA_HOME: value })).dataDirectory;
    expect(dataOf("/data")).toBe("/data/GaiaFTCL");
    expect(dataOf("data")).toBe("/home/ada/.local/share/GaiaFTCL");
    expect(dataOf("")).toBe("/home/ada/.local/share/GaiaFTCL");
  });

  it.each([linux, mac])(
    "lets GAIAFTCL_DATA and GAIAFTCL_MESH_CACHE override it on $platform",
    (host) => {
      const layout = cellLayout(
        withEnv(host, { GAIAFTCL_DATA: "/srv/cell", GAIAFTCL_MESH_CACHE: "/srv/mesh" }),
      );
      expect(layout.dataDirectory).toBe("/srv/cell");
      expect(layout.socketPath).toBe("/srv/cell/franklin.sock");
      expect(layout.meshCacheRoot).toBe("/srv/mesh");
      expect(layout.keysDirectory).toBe(`${host.homeDirectory}/.gaiaftcl/keys`);
    },
  );

  it("counts an empty variable as unset", () => {
    const layout = cellLayout(withEnv(linux, { GAIAFTCL_DATA: "", GAIAFTCL_MESH_CACHE: "" }));
    expect(layout).toEqual(cellLayout(linux));
  });

  it("refuses a relative directory, which would be another place in each process", () => {
    for (const name of ["GAIAFTCL_DATA", "GAIAFTCL_MESH_CACHE"]) {
      expect(codeOf(() => cellLayout(withEnv(linux, { [name]: "cell" })))).toBe("RELATIVE_PATH");
    }
    expect(codeOf(() => cellLayout(linux, { home: "cell" }))).toBe("RELATIVE_PATH");
    expect(codeOf(() => cellLayout(linux, { home: "" }))).toBe("RELATIVE_PATH");
  });

  it("needs a home directory only where it uses one", () => {
    const homeless = { ...linux, homeDirectory: "" };
    expect(codeOf(() => cellLayout(homeless))).toBe("NO_HOME");
    expect(cellLayout(homeless, { home: "/tmp/cell" }).home).toBe("/tmp/cell");
  });

  it("joins paths as the system named does", () => {
    const windows = { platform: "win32", homeDirectory: "C:\\Users\\ada", env: {} };
    expect(cellLayout(windows).keysDirectory).toBe("C:\\Users\\ada\\.gaiaftcl\\keys");
  });

  it("puts every path below an override, whatever the environment says", () => {
    const segment = fc.stringMatching(/^[a-z]{1,8}$/);
    const absolute = fc.array(segment, { minLength: 1 }).map((parts) => `/${parts.join("/")}`);
    fc.assert(
      fc.property(absolute, absolute, fc.constantFrom(linux, mac), (home, other, host) => {
        const env = { GAIAFTCL_DATA: other, GAIAFTCL_MESH_CACHE: other, XDG_DATA_HOME: other };
        const layout = cellLayout(withEnv(host, env), { home });
        expect(layout.home).toBe(home);
        expect(layout.dataDirectory).toBe(`${home}/data`);
        expect(
          Object.values(layout).every((path) => path === home || path.startsWith(`${home}/`)),
        ).toBe(true);
      }),
    );
  });
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CellLayoutError) return error.code;
    throw error;
  }
  return "nothing was refused";
}
