import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..", "..");
const apps = "apps";

interface PackageFile {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The packages of the table in CONTRIBUTING.md, by the name of their directory: the row each is in. */
function layers(): Map<string, string> {
  const table = readFileSync(join(root, "CONTRIBUTING.md"), "utf8").matchAll(
    /^\| (\d|apps)[^|]*\|([^|]*)\|/gmu,
  );
  return new Map(
    [...table].flatMap(([, layer = "", packages = ""]) =>
      [...packages.matchAll(/`([^`]+)`/gu)].map(([, name = ""]) => [name, layer] as const),
    ),
  );
}

const directories = ["packages", apps]
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => ({ folder, name })))
  .filter(({ folder, name }) => existsSync(join(root, folder, name, "package.json")));

describe("the layers of CONTRIBUTING.md", () => {
  const layerOf = layers();

  it("are those of the packages that there are", () => {
    const named = [...layerOf.keys()].toSorted();
    expect(named).toEqual(directories.map(({ name }) => name).toSorted());
  });

  it.each(directories)("hold for $folder/$name, which depends on layers below", (directory) => {
    const { folder, name } = directory;
    const file: PackageFile = JSON.parse(
      readFileSync(join(root, folder, name, "package.json"), "utf8"),
    );
    const own = layerOf.get(name) ?? "";
    const above = Object.keys({ ...file.dependencies, ...file.peerDependencies })
      .filter((dependency) => dependency.startsWith("@gaiaftcl/"))
      .map((dependency) => dependency.slice("@gaiaftcl/".length))
      // Digits come before letters; apps may use one another.
      .filter((dependency) => own !== apps && (layerOf.get(dependency) ?? apps) >= own);
    expect(above).toEqual([]);
  });
});

it.each(directories)("README.md names $folder/$name", ({ folder, name }) => {
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`](${folder}/${name})`);
});
