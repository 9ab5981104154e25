import { describe, expect, it } from "vitest";
import { LinePeer } from "./line-peer.ts";
import { Program } from "./program.ts";

const echo = `
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const asked = JSON.parse(line);
    if (asked === "end") { console.error("as told"); process.exit(3); }
    console.log(JSON.stringify({ asked }));
  });
  console.log(JSON.stringify("hello"));
`;

describe("a program", () => {
  it("tells how it ended, and what it said before", async () => {
    await using program = new Program(process.execPath, [
      "-e",
      "console.log(process.env.WORD); console.error('and'); setInterval(() => {}, 1000)",
    ]);
    await program.ready("to speak", () => program.log.includes("and"));
    expect(program.isRunning).toBe(true);
    expect(await program.end("SIGTERM")).toEqual({ code: null, signal: "SIGTERM" });
    expect(await program.end()).toEqual({ code: null, signal: "SIGTERM" });
  });

  it("is not waited for in vain once it has ended", async () => {
    await using program = new Program(process.execPath, [
      "-e",
      "console.error('no'); process.exit(4)",
    ]);
    await expect(program.ready("never", () => undefined)).rejects.toThrow(/node ended with 4:\nno/);
  });

  it("that is stopped is ended all the same", async () => {
    const program = new Program(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    program.signal("SIGSTOP");
    await program[Symbol.asyncDispose]();
    expect(program.isRunning).toBe(false);
  });

  it("that does not exist is an error to who waits for it, and nothing to end", async () => {
    await using program = new Program("/nowhere/at-all", []);
    await expect(program.exited).rejects.toThrow("ENOENT");
  });
});

describe("a peer of lines", () => {
  it("answers in the order asked, and says something by itself", async () => {
    await using peer = new LinePeer(process.execPath, ["-e", echo]);
    expect(await peer.next()).toBe("hello");
    expect(await Promise.all([peer.ask(1), peer.ask(2)])).toEqual([{ asked: 1 }, { asked: 2 }]);
  });

  it("that ends fails every question that is open, and every later one, with its last words", async () => {
    await using peer = new LinePeer(process.execPath, ["-e", echo]);
    await peer.next();
    const open = [peer.ask("end"), peer.ask(2)];
    for (const question of open) await expect(question).rejects.toThrow(/ended with 3:\nas told/);
    await peer.program.exited;
    await expect(peer.next()).rejects.toThrow("as told");
  });
});
