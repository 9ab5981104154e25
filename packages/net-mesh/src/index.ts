export { NetMeshError, type NetMeshErrorCode } from "./net-mesh-error.js";
