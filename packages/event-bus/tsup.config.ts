import { library } from "@gaiaftcl/config/tsup";

export default library({
  entry: [
    "src/index.ts",
    "src/memory.ts",
    "src/redis.ts",
    "src/jetstream.ts",
    "src/fan-out.ts",
    "src/spill.ts",
    "src/workers.ts",
    "src/worker-main.ts",
  ],
});
