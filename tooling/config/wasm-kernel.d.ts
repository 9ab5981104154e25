export function compileKernel(
  packageDirectory: string,
): Promise<{ readonly file: string; readonly text: string }>;
