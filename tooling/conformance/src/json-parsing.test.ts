import { isDeepStrictEqual } from "node:util";
import { decode, encode } from "@gaiaftcl/canonical-json";
import { describe, expect, test } from "vitest";
import { suiteFile, suiteNames, verdict } from "./json-suites.ts";

const names = suiteNames("json-parsing", "test_parsing");

/**
 * RFC 8259 lets parsers accept the same key twice and leaves the meaning open. These two are all of
 * the suite's documents to accept that we refuse.
 */
const REFUSED_DUPLICATES = [
  "y_object_duplicated_key.json",
  "y_object_duplicated_key_and_value.json",
];

/** What the suite leaves to the parser; a change of any of these is a change of the format. */
const OURS_TO_DECIDE: Readonly<Record<string, string>> = {
  "i_number_double_huge_neg_exp.json": "accepted",
  "i_number_huge_exp.json": "NUMBER_OVERFLOW",
  "i_number_neg_int_huge_exp.json": "NUMBER_OVERFLOW",
  "i_number_pos_double_huge_exp.json": "NUMBER_OVERFLOW",
  "i_number_real_neg_overflow.json": "NUMBER_OVERFLOW",
  "i_number_real_pos_overflow.json": "NUMBER_OVERFLOW",
  "i_number_real_underflow.json": "accepted",
  "i_number_too_big_neg_int.json": "UNSAFE_INTEGER",
  "i_number_too_big_pos_int.json": "UNSAFE_INTEGER",
  "i_number_very_big_negative_int.json": "UNSAFE_INTEGER",
  "i_object_key_lone_2nd_surrogate.json": "UNPAIRED_SURROGATE",
  "i_string_1st_surrogate_but_2nd_missing.json": "UNPAIRED_SURROGATE",
  "i_string_1st_valid_surrogate_2nd_invalid.json": "UNPAIRED_SURROGATE",
  "i_string_UTF-16LE_with_BOM.json": "INVALID_UTF8",
  "i_string_UTF-8_invalid_sequence.json": "INVALID_UTF8",
  "i_string_UTF8_surrogate_U+D800.json": "INVALID_UTF8",
  "i_string_incomplete_surrogate_and_escape_valid.json": "UNPAIRED_SURROGATE",
  "i_string_incomplete_surrogate_pair.json": "UNPAIRED_SURROGATE",
  "i_string_incomplete_surrogates_escape_valid.json": "UNPAIRED_SURROGATE",
  "i_string_invalid_lonely_surrogate.json": "UNPAIRED_SURROGATE",
  "i_string_invalid_surrogate.json": "UNPAIRED_SURROGATE",
  "i_string_invalid_utf-8.json": "INVALID_UTF8",
  "i_string_inverted_surrogates_U+1D11E.json": "UNPAIRED_SURROGATE",
  "i_string_iso_latin_1.json": "INVALID_UTF8",
  "i_string_lone_second_surrogate.json": "UNPAIRED_SURROGATE",
  "i_string_lone_utf8_continuation_byte.json": "INVALID_UTF8",
  "i_string_not_in_unicode_range.json": "INVALID_UTF8",
  "i_string_overlong_sequence_2_bytes.json": "INVALID_UTF8",
  "i_string_overlong_sequence_6_bytes.json": "INVALID_UTF8",
  "i_string_overlong_sequence_6_bytes_null.json": "INVALID_UTF8",
  "i_string_truncated-utf-8.json": "INVALID_UTF8",
  "i_string_utf16BE_no_BOM.json": "INVALID_UTF8",
  "i_string_utf16LE_no_BOM.json": "INVALID_UTF8",
  "i_structure_500_nested_arrays.json": "TOO_DEEP",
  "i_structure_UTF-8_BOM_empty_object.json": "BYTE_ORDER_MARK",
};

/** Documents that parsers understand differently: what comes out, or why nothing does. */
const TRANSFORMED: Readonly<Record<string, string>> = {
  "number_-9223372036854775808.json": "UNSAFE_INTEGER",
  "number_-9223372036854775809.json": "UNSAFE_INTEGER",
  "number_1.0.json": "[1]",
  "number_1.000000000000000005.json": "[1]",
  "number_1000000000000000.json": "[1000000000000000]",
  "number_10000000000000000999.json": "UNSAFE_INTEGER",
  "number_1e-999.json": "[0]",
  "number_1e6.json": "[1000000]",
  "number_9223372036854775807.json": "UNSAFE_INTEGER",
  "number_9223372036854775808.json": "UNSAFE_INTEGER",
  "object_key_nfc_nfd.json": '{"e\u0301":"NFD","\u00e9":"NFC"}',
  "object_key_nfd_nfc.json": '{"e\u0301":"NFD","\u00e9":"NFC"}',
  "object_same_key_different_values.json": "DUPLICATE_KEY",
  "object_same_key_same_value.json": "DUPLICATE_KEY",
  "object_same_key_unclear_values.json": "DUPLICATE_KEY",
  "string_1_escaped_invalid_codepoint.json": "UNPAIRED_SURROGATE",
  "string_1_invalid_codepoint.json": "INVALID_UTF8",
  "string_2_escaped_invalid_codepoints.json": "UNPAIRED_SURROGATE",
  "string_2_invalid_codepoints.json": "INVALID_UTF8",
  "string_3_escaped_invalid_codepoints.json": "UNPAIRED_SURROGATE",
  "string_3_invalid_codepoints.json": "INVALID_UTF8",
  "string_with_escaped_NULL.json": '["A\\u0000B"]',
};

describe("the JSON parsing suite", () => {
  test("is complete", () => {
    expect(names).toHaveLength(318);
    expect(suiteNames("json-parsing", "test_transform")).toEqual(Object.keys(TRANSFORMED).sort());
  });

  test.each(names.filter((name) => name.startsWith("y_")))("%s", (name) => {
    const bytes = suiteFile("json-parsing", "test_parsing", name);
    if (REFUSED_DUPLICATES.includes(name)) {
      expect(verdict(bytes)).toBe("DUPLICATE_KEY");
      return;
    }
    const value = decode(bytes);
    expect(isDeepStrictEqual(value, JSON.parse(bytes.toString()))).toBe(true);
    expect(encode(decode(encode(value), { canonical: true }))).toBe(encode(value));
  });

  test.each(names.filter((name) => name.startsWith("n_")))("%s is refused", (name) => {
    const bytes = suiteFile("json-parsing", "test_parsing", name);
    expect(verdict(bytes)).not.toBe("accepted");
    expect(verdict(bytes, { bigints: "bigint", maxDepth: 1024 })).not.toBe("accepted");
  });

  test.each(names.filter((name) => name.startsWith("i_")))("%s is decided", (name) => {
    expect(verdict(suiteFile("json-parsing", "test_parsing", name))).toBe(OURS_TO_DECIDE[name]);
  });

  test.each(Object.entries(TRANSFORMED))("%s becomes %s", (name, expected) => {
    const bytes = suiteFile("json-parsing", "test_transform", name);
    const refused = verdict(bytes);
    expect(refused === "accepted" ? encode(decode(bytes)) : refused).toBe(expected);
  });
});
