export { loadFederationKeysFile, writeFederationKeysFile } from "./federation-keys-file.js";
export { type KeyEntry, KeyStore } from "./key-store.js";
export { KeyStoreError, type KeyStoreErrorCode } from "./key-store-error.js";
