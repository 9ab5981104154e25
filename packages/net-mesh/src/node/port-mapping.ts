import { parseAddress } from "@gaiaftcl/net-wire";
import type { PortMappingKeeper } from "../port-mapping/port-mapping-keeper.js";
import { keepPortMapping } from "../port-mapping/port-mapping-options.js";
import type { CoreLoop } from "./core-loop.js";
import type { MeshNodeOptions } from "./node-options.js";

/** Begins to ask the gateway for a port, if that is wanted; the node does not wait for its answer. */
export async function startPortMapping(
  loop: CoreLoop,
  { tryPortMapping = false, reflexOverride }: MeshNodeOptions,
): Promise<PortMappingKeeper | undefined> {
  const bound = parseAddress(loop.socket.address);
  if (tryPortMapping === false || bound === undefined) {
    return undefined;
  }
  const options = tryPortMapping === true ? {} : tryPortMapping;
  return keepPortMapping(bound, options, {
    mapped: (externalAddress) => {
      if (!loop.isClosed) {
        loop.run((core, now) => {
          core.setReflexOverride(externalAddress, now);
        });
      }
    },
    lost: (externalAddress) => {
      // What somebody has declared since then stays.
      if (loop.isClosed || loop.core.natView.reflex !== externalAddress) {
        return;
      }
      loop.run((core, now) => {
        if (reflexOverride === undefined) {
          core.clearReflexOverride(now);
        } else {
          core.setReflexOverride(reflexOverride, now);
        }
      });
    },
    changed: (view) => {
      try {
        options.changed?.(view);
      } catch (error) {
        // The listener's fault must not cost the mapping.
        queueMicrotask(() => {
          throw error;
        });
      }
    },
  });
}
