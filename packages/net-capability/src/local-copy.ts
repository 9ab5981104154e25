import { CapabilitySet } from "./capability-set.js";

const PRIVATE_KEYS: ReadonlySet<string> = new Set([
  "intent",
  "colocate-with",
  "colocate-with-strict",
  "priority",
  "owner",
]);
const HEAT = "heat:";
const BLOB_HEAT = "heat:blob:";
const CAUSAL = "causal:";
const MAX_BLOB_HEAT_TAGS = 256;

/**
 * What a node keeps of a received set (Net identity format, section 9.4, step 12). Metadata that
 * only its owner may set goes; so does heat claimed for a chain that the node does not claim to
 * have; of the heat of blobs the first 256 tags stay. What is forwarded is not touched by this.
 */
export function localCopy(received: CapabilitySet): CapabilitySet {
  const chains = claimedChains(received.tags);
  let blobHeatTags = 0;
  const tags = received.tags.filter((tag) => {
    if (!tag.startsWith(HEAT)) return true;
    if (tag.startsWith(BLOB_HEAT)) {
      blobHeatTags += 1;
      return blobHeatTags <= MAX_BLOB_HEAT_TAGS;
    }
    return chains.has(tag.slice(HEAT.length).split("=", 1)[0] ?? "");
  });
  const metadata = [...received.metadata].filter(
    ([key]) => !PRIVATE_KEYS.has(key) && !key.startsWith("tool::"),
  );
  const untouched =
    tags.length === received.tags.length && metadata.length === received.metadata.size;
  return untouched ? received : CapabilitySet.of(tags, metadata);
}

function claimedChains(tags: readonly string[]): ReadonlySet<string> {
  const chains = new Set<string>();
  for (const tag of tags) {
    if (tag.startsWith(CAUSAL)) chains.add(tag.slice(CAUSAL.length).split(/[:[]/, 1)[0] ?? "");
  }
  return chains;
}
