const RESERVED_PREFIXES = ["causal:", "fork-of:", "heat:", "scope:"] as const;

/** The axes of tags that carry a key, and maybe a value. */
export const AXES = ["hardware", "software", "devices", "dataforts"] as const;
export type Axis = (typeof AXES)[number];

/** What a tag is (Net identity format, section 8.1). Every class prints back to the same text. */
export type Tag =
  | { readonly kind: "plain" }
  | { readonly kind: "reserved"; readonly prefix: (typeof RESERVED_PREFIXES)[number] }
  | { readonly kind: "presence"; readonly axis: Axis; readonly key: string }
  | {
      readonly kind: "value";
      readonly axis: Axis;
      readonly key: string;
      readonly separator: "=" | ":";
      readonly value: string;
    };

const PLAIN: Tag = Object.freeze({ kind: "plain" });

/**
 * Classifies a tag (Net identity format, section 8.1): reserved by its prefix; of an axis, split at
 * the first `=` or `:`; or plain.
 */
export function parseTag(text: string): Tag {
  const prefix = RESERVED_PREFIXES.find((candidate) => text.startsWith(candidate));
  if (prefix !== undefined) return { kind: "reserved", prefix };
  const axis = AXES.find((name) => text.startsWith(name) && text.charAt(name.length) === ".");
  if (axis === undefined) return PLAIN;
  const rest = text.slice(axis.length + 1);
  const at = rest.search(/[=:]/);
  if (at === -1) return { kind: "presence", axis, key: rest };
  return {
    kind: "value",
    axis,
    key: rest.slice(0, at),
    separator: rest.charAt(at) === "=" ? "=" : ":",
    value: rest.slice(at + 1),
  };
}
