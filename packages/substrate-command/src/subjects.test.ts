import { describe, expect, it } from "vitest";
import {
  cancelSubject,
  commandSubject,
  progressSubject,
  SubstrateCommandError,
  verbOfSubject,
} from "./index.js";

const nonce = "00112233445566778899aabbccddeeff";

describe("command subjects", () => {
  it("name the verb, and the verb can be read back", () => {
    expect(commandSubject("replay_session")).toBe("gaiaftcl.substrate.command.replay_session");
    expect(verbOfSubject("gaiaftcl.substrate.command.replay_session")).toBe("replay_session");
  });

  it.each(["", "a.b", "*", ">", "Replay", "a b", "1a"])("refuse %j as a verb", (verb) => {
    expect(() => commandSubject(verb)).toThrow(SubstrateCommandError);
    expect(verbOfSubject(`gaiaftcl.substrate.command.${verb}`)).toBeUndefined();
  });

  it("carry progress and cancellation by nonce", () => {
    expect(progressSubject(nonce)).toBe(`gaiaftcl.substrate.progress.${nonce}`);
    expect(cancelSubject(nonce)).toBe(`gaiaftcl.substrate.cancel.${nonce}`);
    expect(() => progressSubject("*")).toThrow(SubstrateCommandError);
    expect(verbOfSubject("gaiaftcl.other.x")).toBeUndefined();
  });
});
