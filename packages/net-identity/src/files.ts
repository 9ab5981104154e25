export { loadIdentity, type SaveIdentityOptions, saveIdentity } from "./identity-file.js";
