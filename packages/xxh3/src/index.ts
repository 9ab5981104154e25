export { xxh3 } from "./xxh3.js";
