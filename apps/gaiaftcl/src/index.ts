// Everything that a consumer of a cell needs, from one import.
export {
  CanonicalJsonError,
  decode,
  encode,
  encodeBytes,
  encodePortable,
  encodePortableBytes,
  type JsonValue,
} from "@gaiaftcl/canonical-json";
export {
  FranklinClient,
  type FranklinClientOptions,
  FranklinError,
  FranklinServer,
  type FranklinServerOptions,
  loadOperators,
} from "@gaiaftcl/franklin-socket";
