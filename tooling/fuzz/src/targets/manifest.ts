import { isArtifactPath, Manifest, ManifestError, verifyManifestSeal } from "@gaiaftcl/manifest";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorJson, vectorTexts } from "./seeds.ts";

const VECTORS = "manifest/vectors/manifests.json";

export const targets: readonly FuzzTarget[] = [
  {
    name: "manifest/manifest",
    seeds: () => [...vectorJson(VECTORS), ...vectorTexts(VECTORS)],
    dictionary: [
      "artifacts",
      "manifest_version",
      "tau_block",
      "lean_artifact_path",
      "../",
      "\\u0000",
    ],
    maxLength: 8192,
    run(input) {
      const manifest = unlessRefused(ManifestError, () => Manifest.fromJson(input));
      if (manifest === undefined) return;
      const text = manifest.toJson();
      claimSame(Manifest.fromJson(text).toJson(), text, "a manifest's text");
      verifyManifestSeal(manifest);
      claim(
        manifest.artifacts.every(({ path }) => isArtifactPath(path)),
        "every path is one",
      );
    },
  },
  {
    name: "manifest/artifact-path",
    seeds: () => vectorTexts(VECTORS),
    maxLength: 300,
    run(input) {
      const path = new TextDecoder().decode(input);
      if (!isArtifactPath(path)) return;
      const segments = path.split("/");
      claim(
        !segments.some((each) => ["", ".", ".."].includes(each)),
        "no segment leaves the place",
      );
      claim(!/[\\\0]/u.test(path) && path.normalize("NFC") === path, "one spelling");
    },
  },
];
