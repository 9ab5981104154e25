import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, it } from "vitest";
import { ensurePeers } from "../../bootstrap/peers.mjs";

const root = join(import.meta.dirname, "..", "..", "..");
const children: ChildProcess[] = [];
const directories: string[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const directory of directories.splice(0)) {
    await rm(directory, { recursive: true, force: true });
  }
});

interface Program {
  readonly file: string;
  readonly text: string;
  /** What the comments behind `console.log(…)` and `print(…)` say it prints. */
  readonly promised: readonly string[];
}

/** The fenced blocks of a README whose first line is a comment that names their file. */
async function programsOf(packageName: string): Promise<Program[]> {
  const readme = await readFile(join(root, "packages", packageName, "README.md"), "utf8");
  const blocks = readme.matchAll(
    /^```(?:ts|python)\n(?:\/\/|#) (?<file>[a-z]+\.(?:ts|py))\n(?<text>.*?)^```$/gmsu,
  );
  return [...blocks].map(({ groups }) => {
    const { file = "", text = "" } = groups ?? {};
    const promised = text.matchAll(
      /(?:console\.log|print)\(.*\); \/\/ (.*)$|print\(.*\) {2}# (.*)$/gmu,
    );
    return { file, text, promised: [...promised].map((match) => match[1] ?? match[2] ?? "") };
  });
}

/** What one run printed, and how it ended. */
async function run(
  program: string,
  args: readonly string[],
  directory: string,
  onCommand: (args: readonly string[]) => void,
): Promise<string[]> {
  const child = spawn(program, args, { cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const ended = once(child, "exit");
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    // What a reader would type into a second terminal.
    if (line.startsWith("python3 ")) onCommand(line.split(" ").slice(1));
    else printed.push(line);
  }
  expect(await ended).toEqual([0, null]);
  return printed;
}

it.each(["net-identity", "net-wire", "net-mesh"])(
  "the README of %s shows a Python node and a TypeScript program that print what it says",
  async (packageName) => {
    const [ours, theirs, ...others] = await programsOf(packageName);
    if (ours === undefined || theirs === undefined) throw new Error("expected two programs");
    expect(others).toEqual([]);
    const { python } = await ensurePeers(["python"]);
    // In this package, from which the examples' imports resolve.
    const directory = await mkdtemp(join(import.meta.dirname, "..", ".readme-"));
    directories.push(directory);
    for (const { file, text } of [ours, theirs]) await writeFile(join(directory, file), text);

    const peers: Promise<string[]>[] = [];
    const printed = await run(process.execPath, [ours.file], directory, (args) => {
      expect(args[0]).toBe(theirs.file);
      peers.push(run(python, args, directory, () => undefined));
    });
    expect(printed).toEqual(ours.promised);
    expect(await Promise.all(peers)).toEqual([theirs.promised]);
    expect([ours.promised.length, theirs.promised.length]).toEqual([1, 1]);
  },
);
