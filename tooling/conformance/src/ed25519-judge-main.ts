import { ed25519Cases } from "./ed25519-cases.ts";
import { judge } from "./ed25519-judge.ts";

// A program of its own, so that it runs on whichever Node is asked about its verdicts.
process.stdout.write(JSON.stringify({ version: process.version, ...judge(ed25519Cases()) }));
