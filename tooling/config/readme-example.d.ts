export interface ReadmeExample {
  readonly example: string;
  readonly promised: readonly string[];
  readonly printed: readonly string[];
}

export function runReadmeExample(
  packageDirectory: string,
  options?: { readonly env?: NodeJS.ProcessEnv; readonly timeoutMs?: number },
): Promise<ReadmeExample>;
