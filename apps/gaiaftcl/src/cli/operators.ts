import { loadOperatorsFile } from "@gaiaftcl/cell";
import type { Operators } from "@gaiaftcl/franklin-socket/server";
import type { Session } from "./session.js";

/** The operator that the commands speak as unless told otherwise. */
export const defaultOperator = "operator";

/** The operators of the home; none where there is no file. */
export async function loadOperators(session: Session): Promise<Operators> {
  return await loadOperatorsFile(session.layout.operatorsPath, await session.federationKeys());
}
