import { instantiateKernel, type KernelMemory } from "./kernel-module.js";

interface KernelExports {
  readonly memory: KernelMemory;
  readonly seal: (length: number) => void;
  readonly open: (length: number) => number;
  readonly sealMessage: (aadLength: number, length: number) => void;
  readonly openMessage: (aadLength: number, length: number) => number;
}

export interface CipherKernel extends Omit<KernelExports, "memory"> {
  readonly memory: Uint8Array;
}

// Where the kernel has its arguments (assembly/memory.as).
export const KEY = 1024;
export const NONCE = 1056;
export const PACKET = 2048;

/** Room for the longest message of Noise, and behind it. */
const MEMORY_BYTES = 131_072;

let loaded: CipherKernel | undefined;

/** The one instance of the WebAssembly cipher, made on first use. */
export function cipherKernel(): CipherKernel {
  loaded ??= load();
  return loaded;
}

function load(): CipherKernel {
  const { memory, ...functions } = instantiateKernel<KernelExports>(MEMORY_BYTES);
  return { ...functions, memory: new Uint8Array(memory.buffer) };
}
