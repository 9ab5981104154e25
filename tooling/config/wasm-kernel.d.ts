export function compileKernel(
  packageDirectory: string,
): Promise<{ readonly file: string; readonly text: string }>;

export function compileBinary(
  packageDirectory: string,
  entry: string,
): Promise<Uint8Array<ArrayBuffer>>;
