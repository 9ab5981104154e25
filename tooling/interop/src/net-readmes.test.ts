import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Program } from "@gaiaftcl/peers";
import { afterEach, expect, it } from "vitest";
import { ensurePeers } from "../../bootstrap/peers.mjs";

const root = join(import.meta.dirname, "..", "..", "..");
const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) {
    await rm(directory, { recursive: true, force: true });
  }
});

interface Example {
  readonly file: string;
  readonly text: string;
  /** What the comments behind `console.log(…)` and `print(…)` say it prints. */
  readonly promised: readonly string[];
}

/** The fenced blocks of a README whose first line is a comment that names their file. */
async function programsOf(packageName: string): Promise<Example[]> {
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

/** What one run printed, once it has ended well. */
async function run(
  command: string,
  args: readonly string[],
  directory: string,
  onCommand: (args: readonly string[]) => void,
): Promise<string[]> {
  const printed: string[] = [];
  await using program = new Program(command, args, {
    cwd: directory,
    onLine: (line) => {
      // What a reader would type into a second terminal.
      if (line.startsWith("python3 ")) onCommand(line.split(" ").slice(1));
      else printed.push(line);
    },
  });
  expect(await program.exited, program.log).toEqual({ code: 0, signal: null });
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
