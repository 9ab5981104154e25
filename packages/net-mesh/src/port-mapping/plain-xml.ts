/** An element: its name without a prefix, the text directly in it, and the elements in it. */
export interface XmlElement {
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

const MAX_ELEMENTS = 2048;
const MAX_DEPTH = 24;
const TAG = /^(\/?)(?:[\w.-]{1,64}:)?([\w.-]{1,64})(?:\s[^<]*)?$/u;
const REFERENCE = /&([^;&]{0,8};?)/gu;
const NUMBER = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}));$/iu;
const MAX_CODE_POINT = 0x10ffff;
const CHARACTERS: ReadonlyMap<string, string> = new Map([
  ["amp;", "&"],
  ["lt;", "<"],
  ["gt;", ">"],
  ["quot;", '"'],
  ["apos;", "'"],
]);

/**
 * Reads the XML that gateways speak: elements, text, comments, and the characters XML itself names
 * or numbers, to a bounded number and depth. Anything with a document type, a section of raw text or
 * another entity is refused whole: nothing a gateway says needs them, and attacks do.
 *
 * @returns the outermost element, or `undefined` for what is not such a document
 */
export function readPlainXml(text: string): XmlElement | undefined {
  const root: XmlElement = { name: "", text: "", children: [] };
  const open: XmlElement[] = [root];
  let elements = 0;
  let at = 0;
  while (at < text.length) {
    const parent = open.at(-1) as XmlElement;
    const start = text.indexOf("<", at);
    const characters = plainText(text.slice(at, start === -1 ? text.length : start));
    if (characters === undefined) {
      return undefined;
    }
    parent.text += characters;
    if (start === -1) {
      break;
    }
    const isComment = text.startsWith("<!--", start);
    const end = text.indexOf(isComment ? "-->" : ">", start + (isComment ? 4 : 1));
    if (end === -1) {
      return undefined;
    }
    at = end + (isComment ? 3 : 1);
    if (isComment || (text[start + 1] === "?" && text[end - 1] === "?")) {
      continue;
    }
    const isEmpty = text[end - 1] === "/";
    const tag = TAG.exec(text.slice(start + 1, isEmpty ? end - 1 : end));
    const name = tag?.[2];
    if (name === undefined) {
      return undefined;
    }
    if (tag?.[1] === "/") {
      if (parent.name !== name || open.length === 1) {
        return undefined;
      }
      open.pop();
      continue;
    }
    elements += 1;
    if (elements > MAX_ELEMENTS || open.length > MAX_DEPTH) {
      return undefined;
    }
    const element: XmlElement = { name, text: "", children: [] };
    parent.children.push(element);
    if (!isEmpty) {
      open.push(element);
    }
  }
  return open.length === 1 && root.children.length === 1 ? root.children[0] : undefined;
}

/** All elements of that name, in the order of the document. */
export function elementsNamed(root: XmlElement, name: string): XmlElement[] {
  const found: XmlElement[] = root.name === name ? [root] : [];
  for (const child of root.children) {
    found.push(...elementsNamed(child, name));
  }
  return found;
}

/** The text of the first element of that name, without the space around it. */
export function textOf(root: XmlElement, name: string): string | undefined {
  return elementsNamed(root, name)[0]?.text.trim();
}

/** Text with the characters that mean something in XML written as references. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function plainText(raw: string): string | undefined {
  let isPlain = true;
  const text = raw.replace(REFERENCE, (_reference, name: string) => {
    const character = CHARACTERS.get(name) ?? numberedCharacter(name);
    isPlain &&= character !== undefined;
    return character ?? "";
  });
  return isPlain ? text : undefined;
}

function numberedCharacter(name: string): string | undefined {
  const [, hexadecimal, decimal] = NUMBER.exec(name) ?? [];
  const code =
    hexadecimal === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hexadecimal, 16);
  return code > 0 && code <= MAX_CODE_POINT ? String.fromCodePoint(code) : undefined;
}
