import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * Runs the first `ts` example of a package's README as a reader would: in a file of its own that imports
 * the package by its name, so that it meets what is published and not the source.
 *
 * @param {string} packageDirectory
 * @param {{ env?: NodeJS.ProcessEnv, timeoutMs?: number }} [options]
 * @returns {Promise<{ example: string, promised: string[], printed: string[] }>} the example, what the
 *   comments behind its `console.log` calls promise, and the lines it printed
 */
export async function runReadmeExample(packageDirectory, options = {}) {
  const readme = await readFile(join(packageDirectory, "README.md"), "utf8");
  const example = /```ts\n(.*?)```/su.exec(readme)?.[1];
  if (example === undefined) throw new Error(`${packageDirectory}/README.md has no ts example`);
  const directory = await mkdtemp(join(packageDirectory, ".readme-"));
  try {
    const file = join(directory, "example.ts");
    await writeFile(file, example);
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      cwd: directory,
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? 60_000,
    });
    return {
      example,
      promised: [...example.matchAll(/console\.log\(.*\); \/\/ (.*)/gu)].map((match) => match[1]),
      printed: stdout.trimEnd().split("\n"),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
