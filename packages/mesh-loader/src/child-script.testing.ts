import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A process that runs a module, which may import this package and its dependencies by name. */
export interface ChildScript {
  readonly child: ChildProcess;
  /** When it first printed something. */
  readonly started: Promise<void>;
  /** Everything it printed, once it has ended well. */
  readonly ended: Promise<string>;
}

export function runScript(source: string, args: readonly string[]): ChildScript {
  const child = spawn(process.execPath, ["--input-type=module", "-e", source, ...args], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const ended = once(child, "close").then(([code, signal]) => {
    if (code === 0) return output;
    throw new Error(`the script ended with ${String(code ?? signal)}: ${errors}`);
  });
  // Whoever does not wait for the end does not want to hear of it.
  ended.catch(() => undefined);
  const started = Promise.race([once(child.stdout, "data"), ended]).then(() => undefined);
  started.catch(() => undefined);
  return { child, started, ended };
}
