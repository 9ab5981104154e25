export function compileKernel(options: {
  readonly entry: string;
  readonly directories: readonly string[];
}): Promise<string>;

export function writeKernel(directory: string, module: string): Promise<void>;
