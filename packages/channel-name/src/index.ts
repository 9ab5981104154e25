export { type ChannelName, channelNameProblem, isChannelName } from "./channel-name.js";
