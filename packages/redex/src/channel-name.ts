import { type ChannelName, channelNameProblem } from "@gaiaftcl/channel-name";
import { RedexError } from "./redex-error.js";

/** Returns the name if it is one (log format, section 1.1). @throws RedexError `INVALID_NAME` */
export function ensureChannelName(name: string): ChannelName {
  const problem =
    typeof name === "string"
      ? channelNameProblem(name)
      : `channel name must be text, not ${typeof name}`;
  if (problem === undefined) return name as ChannelName;
  throw new RedexError("INVALID_NAME", "invalid channel name", problem);
}
