import { asciiLowerCase } from "./ascii.js";

const MODALITIES = ["text", "image", "audio", "video", "code", "embedding", "tool_use"] as const;

/** What a model takes and gives. */
export type Modality = (typeof MODALITIES)[number];

/** The modality a person's word means: any case, `tool-use` and `tooluse` too, else text. */
export function normalizeModality(text: string): Modality {
  const word = asciiLowerCase(text);
  return word === "tool-use" || word === "tooluse" ? "tool_use" : modalityWord(word);
}

/** The modality of exactly this word, as a received tag must give it; else text. */
export function modalityWord(word: string): Modality {
  return MODALITIES.find((modality) => modality === word) ?? "text";
}
