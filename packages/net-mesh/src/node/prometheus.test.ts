import { expect, it } from "vitest";
import { escapeLabel } from "./prometheus.js";

it("a label value cannot end itself", () => {
  expect(escapeLabel('a"b\\c\nd')).toBe('a\\"b\\\\c\\nd');
});
