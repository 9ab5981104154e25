export {
  type RedisStreams,
  type RedisStreamsOptions,
  redisStreams,
} from "./redis/redis-adapter.js";
export { RedisStreamDedup } from "./redis-stream-dedup.js";
