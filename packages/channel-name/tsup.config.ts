import { library } from "@gaiaftcl/config/tsup";

export default library({ entry: ["src/index.ts"] });
