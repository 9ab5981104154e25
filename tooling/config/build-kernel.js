#!/usr/bin/env node
import { writeFile } from "node:fs/promises";
import { compileKernel } from "./wasm-kernel.js";

const { file, text } = await compileKernel(process.cwd());
await writeFile(file, text);
