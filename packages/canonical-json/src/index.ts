export type {
  CanonicalJsonErrorCode,
  DecodeErrorCode,
  EncodeErrorCode,
} from "./canonical-json-error.js";
export { CanonicalJsonError } from "./canonical-json-error.js";
export type { DecodeOptions } from "./decode.js";
export { decode } from "./decode.js";
export { encode, encodeBytes, encodePortable, encodePortableBytes } from "./encode.js";
export type { JsonValue } from "./json-value.js";
