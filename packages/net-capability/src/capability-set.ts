import { NetCapabilityError } from "./net-capability-error.js";
import { type CapabilityValues, projectTags } from "./projection.js";
import { type NodeScope, resolveScope } from "./scope.js";
import { compareUtf8 } from "./utf8-order.js";

/**
 * What a node says it is and has: a set of tags and a map of texts (Net identity format, section
 * 8.1). It never changes; tags and keys are in the order of their UTF-8 bytes, without repetition.
 */
export class CapabilitySet {
  static readonly EMPTY: CapabilitySet = new CapabilitySet([], []);

  /** The tags, ascending by UTF-8 bytes. */
  readonly tags: readonly string[];
  /** The metadata, keys ascending by UTF-8 bytes. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly #tagSet: ReadonlySet<string>;
  #json: string | undefined;
  #values: CapabilityValues | undefined;
  #scope: NodeScope | undefined;

  private constructor(
    sortedTags: readonly string[],
    sortedMetadata: readonly (readonly [string, string])[],
  ) {
    this.tags = Object.freeze(sortedTags);
    this.metadata = new Map(sortedMetadata);
    this.#tagSet = new Set(sortedTags);
  }

  /**
   * A set of these tags and metadata. The empty string is not a tag and is left out.
   *
   * @throws NetCapabilityError `TEXT` for a string with a lone surrogate, which has no UTF-8 form
   */
  static of(
    tags: Iterable<string>,
    metadata: Iterable<readonly [string, string]> = [],
  ): CapabilitySet {
    const unique = new Set<string>();
    for (const tag of tags) if (tag !== "") unique.add(ensureWellFormed(tag));
    const entries = new Map<string, string>();
    for (const [key, value] of metadata) {
      entries.set(ensureWellFormed(key), ensureWellFormed(value));
    }
    return new CapabilitySet(
      [...unique].sort(compareUtf8),
      [...entries].sort((a, b) => compareUtf8(a[0], b[0])),
    );
  }

  /** Whether exactly this tag is in the set. */
  has(tag: string): boolean {
    return this.#tagSet.has(tag);
  }

  /** The values of the tags that filters look at (section 8.4). */
  get values(): CapabilityValues {
    this.#values ??= projectTags(this.tags);
    return this.#values;
  }

  /** Who the node wants to be found by (section 10.3). */
  get scope(): NodeScope {
    this.#scope ??= resolveScope(this.tags);
    return this.#scope;
  }

  /** The set in the form of announcements (section 9.1): compact, tags and keys in order. */
  get json(): string {
    this.#json ??= `{"tags":${JSON.stringify(this.tags)},"metadata":${metadataJson(this.metadata)}}`;
    return this.#json;
  }

  /** Whether both sets have the same tags and metadata. */
  equals(other: CapabilitySet): boolean {
    return this === other || this.json === other.json;
  }
}

/** Written by hand, because an object would put keys like "10" first. */
function metadataJson(metadata: ReadonlyMap<string, string>): string {
  const members = [...metadata].map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  );
  return `{${members.join(",")}}`;
}

function ensureWellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw new NetCapabilityError(
    "TEXT",
    `expected text that has a UTF-8 form, found a lone surrogate in ${JSON.stringify(text)}`,
  );
}
