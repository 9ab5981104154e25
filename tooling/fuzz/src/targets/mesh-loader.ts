import { ensureModuleName, isModuleName, MeshLoaderError } from "@gaiaftcl/mesh-loader";
import { resolveSpecifier } from "../../../../packages/mesh-loader/src/module-specifier.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";

const ALLOWED: ReadonlySet<string> = new Set(["node:crypto", "left-pad", "@scope/*"]);

export const targets: readonly FuzzTarget[] = [
  {
    name: "mesh-loader/specifier",
    seeds: () => [
      "./a.js",
      "../b/c%20d.js",
      "node:crypto",
      "@scope/x/y",
      "mesh:///m/1/a.js",
      "gaiaftcl.bridges.numpy",
      "data:text/javascript,1",
      "..%2f..%2fx",
      "/etc/passwd",
    ],
    dictionary: ["../", "%2e%2e/", "%2F", "%00", "node:", "file:///", "\\"],
    maxLength: 300,
    run(input) {
      const specifier = new TextDecoder().decode(input);
      const isName = isModuleName(specifier);
      const ensured = unlessRefused(MeshLoaderError, () => ensureModuleName(specifier));
      claimSame(ensured, isName ? specifier : undefined, "both ways to check a name");
      if (isName)
        claim(!/[/\\]|\.\./u.test(specifier), "no name leaves the directory of the cache");
      const target = unlessRefused(MeshLoaderError, () =>
        resolveSpecifier(specifier, "lib/deep/a.js", ALLOWED),
      );
      if (target?.kind === "file") {
        // Whether there is such a file is for the manifest to say, which has no path like `/x`.
        const segments = target.path.split("/");
        claim(!segments.includes("..") && !segments.includes("."), "no segment leads elsewhere");
      }
      if (target?.kind === "host") {
        claim(
          specifier === "left-pad" || /^(?:node:)?crypto$|^@scope\/[^%\\]+$/u.test(specifier),
          "only what was allowed comes from the host",
        );
      }
    },
  },
];
