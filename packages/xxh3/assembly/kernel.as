// What src/xxh3.ts calls. AssemblyScript: compiled to WebAssembly by `pnpm run build:kernel`.

export { absorb, begin, finish, hash } from "./xxh3";
