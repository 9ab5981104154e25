export * from "./client.js";
export {
  encodeFrame,
  encodeFrames,
  FRAME_BYTES,
  FrameDecoder,
  HANDSHAKE_FRAME_BYTES,
} from "./frame.js";
export * from "./server.js";
