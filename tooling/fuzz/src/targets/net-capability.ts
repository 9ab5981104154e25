import {
  announcementSignedBytes,
  assignSubnet,
  CapabilitySet,
  checkAnnouncementSignature,
  decodeAnnouncement,
  decodePredicate,
  encodeAnnouncement,
  encodePredicate,
  isNodeIdOfEntity,
  matchesFilter,
  matchesPredicate,
  NetCapabilityError,
  parseTag,
  readCapabilities,
  readFilter,
  readScopeQuery,
  readSubnetPolicy,
  scopeAdmits,
} from "@gaiaftcl/net-capability";
import { canonicalSocketAddress } from "../../../../packages/net-capability/src/socket-address.ts";
import {
  compareVersions,
  isCompatibleVersion,
  parseVersion,
} from "../../../../packages/net-capability/src/version.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorJson, vectorTexts } from "./seeds.ts";

const VECTORS = "net-capability/vectors/capabilities.json";
const OBSERVED = "net-capability/vectors/observed.json";
const text = (input: Uint8Array): string => new TextDecoder().decode(input);

/** A target that reads a dictionary, as a program has it from JSON. */
function dictionary(
  name: string,
  seeds: () => readonly string[],
  read: (value: unknown) => void,
): FuzzTarget {
  return {
    name: `net-capability/${name}`,
    seeds,
    run(input) {
      let value: unknown;
      try {
        value = JSON.parse(text(input));
      } catch {
        return;
      }
      unlessRefused(NetCapabilityError, () => {
        read(value);
      });
    },
  };
}

const set = CapabilitySet.of(
  ["hardware.gpu", "hardware.memory_gb=32", "software.os=linux", "scope:tenant:a", "plain"],
  [["owner", "1.5"]],
);
const predicates = [
  { kind: "exists", key: { axis: "hardware", key: "gpu" } },
  { kind: "numeric_in_range", key: { axis: "hardware", key: "memory_gb" }, min: 1, max: 64 },
  { kind: "semver_compatible", key: { axis: "software", key: "os" }, version: "1.2.3" },
  { kind: "string_matches", key: { axis: "software", key: "os" }, pattern: "lin" },
  { kind: "metadata_numeric_at_least", key: "owner", threshold: 1 },
  { kind: "metadata_equals", key: "owner", value: "1.5" },
];

export const targets: readonly FuzzTarget[] = [
  {
    name: "net-capability/announcement",
    seeds: () =>
      [...vectorTexts(VECTORS), ...vectorTexts(OBSERVED)].filter((each) => each.startsWith("{")),
    dictionary: [
      "node_id",
      "entity_id",
      "ttl_secs",
      "hop_count",
      "reflex_addr",
      "metadata",
      "\\u00",
    ],
    maxLength: 4096,
    run(input) {
      const announcement = unlessRefused(NetCapabilityError, () => decodeAnnouncement(input));
      if (announcement === undefined) return;
      JSON.parse(text(input));
      const encoded = encodeAnnouncement(announcement);
      const again = decodeAnnouncement(encoded, { maxBytes: encoded.length });
      claimSame(encodeAnnouncement(again), encoded, "an announcement's encoding");
      claimSame(
        announcementSignedBytes(again),
        announcementSignedBytes(announcement),
        "what is signed",
      );
      claim(again.capabilities.equals(announcement.capabilities), "the capabilities are the same");
      checkAnnouncementSignature(announcement);
      isNodeIdOfEntity(announcement);
      const { values, scope } = announcement.capabilities;
      claim(values.models.length + values.tools.length <= input.length, "few models and tools");
      scopeAdmits({ kind: "tenants", tenants: ["a"] }, scope, false);
    },
  },
  dictionary(
    "capabilities",
    () => [...vectorJson(VECTORS), ...vectorJson(OBSERVED)],
    (value) => {
      const capabilities = readCapabilities(value);
      claim(
        CapabilitySet.of(capabilities.tags, capabilities.metadata).equals(capabilities),
        "a set",
      );
      JSON.parse(capabilities.json);
      claim(capabilities.values.memoryGb >= 0, "memory is not negative");
    },
  ),
  dictionary(
    "filter",
    () => vectorJson(VECTORS),
    (value) => {
      const filter = readFilter(value);
      for (const use of ["find", "channel"] as const) {
        claimSame(matchesFilter(set, filter, use), matchesFilter(set, filter, use), "a match");
      }
      if (Object.keys(filter).length === 0) {
        claim(matchesFilter(CapabilitySet.EMPTY, filter, "find"), "all meet an empty filter");
      }
    },
  ),
  dictionary(
    "scope-query",
    () => vectorJson(VECTORS),
    (value) => {
      scopeAdmits(readScopeQuery(value), set.scope, true);
    },
  ),
  dictionary(
    "subnet-policy",
    () => vectorJson(VECTORS),
    (value) => {
      const subnet = assignSubnet(readSubnetPolicy(value), set.tags);
      claim(Number.isInteger(subnet) && subnet >= 0 && subnet <= 0xffff_ffff, "a subnet is a u32");
    },
  ),
  {
    name: "net-capability/predicate",
    seeds: () => [
      ...vectorJson(VECTORS),
      ...predicates.map((node) => JSON.stringify({ nodes: [node], root_idx: 0 })),
      JSON.stringify({
        nodes: [...predicates, { kind: "and", children: [0, 1, 4] }, { kind: "not", child: 6 }],
        root_idx: 7,
      }),
    ],
    dictionary: [
      "metadata_matches",
      "string_prefix",
      "numeric_at_most",
      "semver_at_least",
      "infinity",
    ],
    run(input) {
      const predicate = unlessRefused(NetCapabilityError, () => decodePredicate(input));
      if (predicate === undefined) return;
      const matches = matchesPredicate(set, predicate);
      // What was read may be a little longer when it is written, and then it is too long.
      const encoded = unlessRefused(NetCapabilityError, () => encodePredicate(predicate));
      if (encoded === undefined) return;
      const again = decodePredicate(encoded);
      claimSame(again, predicate, "a predicate");
      claimSame(matchesPredicate(set, again), matches, "what it matches");
    },
  },
  {
    name: "net-capability/tag",
    seeds: () => vectorTexts(VECTORS),
    run(input) {
      const written = text(input);
      const tag = parseTag(written);
      if (tag.kind === "presence") claimSame(`${tag.axis}.${tag.key}`, written, "a tag");
      if (tag.kind === "value") {
        claimSame(`${tag.axis}.${tag.key}${tag.separator}${tag.value}`, written, "a tag");
      }
      const tags = written.split("\n");
      const { json, values } = CapabilitySet.of(tags);
      claim(values.models.length + values.tools.length <= tags.length, "few models and tools");
      JSON.parse(json);
    },
  },
  {
    name: "net-capability/version",
    seeds: () => ["1.2.3", "0.0.1", "1", "1.2", "1.2.3-beta", "99999999999999999999.0.0"],
    maxLength: 64,
    run(input) {
      const version = parseVersion(text(input));
      if (version === undefined) return;
      claim(compareVersions(version, version) === 0, "a version equals itself");
      claim(isCompatibleVersion(version, version), "a version is compatible with itself");
    },
  },
  {
    name: "net-capability/socket-address",
    seeds: () => [
      "1.2.3.4:5678",
      "[2001:db8::1]:5678",
      "[fe80::1%3]:1",
      "[::ffff:1.2.3.4]:80",
      "[::]:0",
    ],
    maxLength: 80,
    run(input) {
      const address = canonicalSocketAddress(text(input));
      if (address !== undefined) {
        claimSame(canonicalSocketAddress(address), address, "the canonical address");
      }
    },
  },
];
