import { readFile } from "node:fs/promises";
import { CommandError } from "./command-error.js";

/** Reads a file that was named on the command line. @throws CommandError `USAGE` */
export async function readArgumentFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError("USAGE", `${path} cannot be read: ${why}`, "net --help");
  }
}

/** Reads a JSON file that holds an object. @throws CommandError `USAGE` */
export async function readDictionary(path: string): Promise<Record<string, unknown>> {
  const value = parsed(path, (await readArgumentFile(path)).toString("utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CommandError(
      "USAGE",
      `${path} should hold a JSON object, a capability dictionary such as {"tags": ["role:worker"]}`,
      "net announce --help",
    );
  }
  return { ...value };
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandError(
      "USAGE",
      `${path} should hold JSON: ${error instanceof Error ? error.message : String(error)}`,
      "net announce --help",
    );
  }
}
