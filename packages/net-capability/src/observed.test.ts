import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkAnnouncementSignature, isNodeIdOfEntity } from "./announcement.js";
import { decodeAnnouncement } from "./announcement-reader.js";
import { readCapabilities } from "./capability-dictionary.js";
import { matchesFilter, readFilter } from "./capability-filter.js";
import { CapabilitySet } from "./capability-set.js";
import { utf8 } from "./capability-vectors.testing.js";
import { localCopy } from "./local-copy.js";
import { NetCapabilityError } from "./net-capability-error.js";
import { readScopeQuery, scopeAdmits } from "./scope.js";

interface Observed {
  readonly dictionaries: readonly {
    readonly dict: unknown;
    readonly tags: readonly string[];
    readonly metadata: Readonly<Record<string, string>>;
  }[];
  readonly find: readonly { tags: readonly string[]; filter: unknown; found: boolean }[];
  readonly scopes: readonly { tags: readonly string[]; scope: unknown; found: boolean }[];
  readonly channel: readonly { tags: readonly string[]; filter: unknown; admitted: boolean }[];
  readonly reader: readonly {
    readonly name: string;
    readonly text: string;
    readonly taken: boolean;
    readonly stricter?: boolean;
  }[];
  readonly heat: readonly { tags: readonly string[]; kept: readonly string[] }[];
}

const path = join(import.meta.dirname, "..", "vectors", "observed.json");
const observed: Observed = JSON.parse(readFileSync(path, "utf8"));

function isTaken(text: string): boolean {
  try {
    const announcement = decodeAnnouncement(utf8(text));
    // All were sent on behalf of another node, which a direct announcement cannot be.
    return (
      checkAnnouncementSignature(announcement) === "good" &&
      isNodeIdOfEntity(announcement) &&
      announcement.hopCount > 0
    );
  } catch (error) {
    expect(error).toBeInstanceOf(NetCapabilityError);
    return false;
  }
}

describe("as observed on the reference", () => {
  it("dictionaries made at random give the same tags and metadata", () => {
    for (const { dict, tags, metadata } of observed.dictionaries) {
      const set = readCapabilities(dict);
      const byHand = set.tags.filter((tag) => !tag.startsWith("nat:"));
      const expected = tags.filter((tag) => !tag.startsWith("nat:"));
      expect(byHand, JSON.stringify(dict)).toEqual(expected);
      expect(Object.fromEntries(set.metadata), JSON.stringify(dict)).toEqual(metadata);
    }
  });

  it("filters made at random find the same nodes, and admit the same to channels", () => {
    for (const { tags, filter, found } of observed.find) {
      const matches = matchesFilter(CapabilitySet.of(tags), readFilter(filter), "find");
      expect(matches, JSON.stringify({ tags, filter })).toBe(found);
    }
    for (const { tags, filter, admitted } of observed.channel) {
      const matches = matchesFilter(CapabilitySet.of(tags), readFilter(filter), "channel");
      expect(matches, JSON.stringify({ tags, filter })).toBe(admitted);
    }
  });

  it("scopes made at random find the same nodes", () => {
    for (const { tags, scope, found } of observed.scopes) {
      const admits = scopeAdmits(readScopeQuery(scope), CapabilitySet.of(tags).scope, true);
      expect(admits, JSON.stringify({ tags, scope })).toBe(found);
    }
  });

  it.each(observed.heat)("of $tags the index keeps $kept", ({ tags, kept }) => {
    expect(localCopy(CapabilitySet.of(tags)).tags).toEqual(kept);
  });

  it.each(observed.reader)("an announcement with $name", ({ text, taken, stricter = false }) => {
    expect(isTaken(text)).toBe(taken && !stricter);
  });
});
