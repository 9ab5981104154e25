export {
  type JetStreamOptions,
  type JetStreamStreams,
  jetStream,
} from "./jetstream/jetstream-adapter.js";
