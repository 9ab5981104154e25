interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export function kernelLoader(
  binary: string,
): <Exports extends { readonly memory: Memory }>(bytes?: number) => Exports;
