import { registerHooks } from "node:module";

/**
 * Preloaded with `--import`: gives the package the engine that browsers get, so that the noble
 * engine can be judged on any Node.
 */
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== "#engine") return nextResolve(specifier, context);
    return { url: new URL("./engine-noble.js", context.parentURL).href, shortCircuit: true };
  },
});
