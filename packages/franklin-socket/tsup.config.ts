import { library } from "@gaiaftcl/config/tsup";

export default library({ entry: ["src/client.ts", "src/server.ts", "src/index.ts"] });
