import { library } from "@gaiaftcl/config/tsup";

export default library({
  entry: ["src/index.ts", "src/ed25519.ts", "src/engine-node.ts", "src/engine-noble.ts"],
});
