import { type Dictionary, ensureDictionary, textField, textsField } from "./dictionary.js";

/** Who a node wants to be found by (Net identity format, section 10.3). */
export type NodeScope =
  | { readonly kind: "global" }
  | { readonly kind: "subnet-local" }
  | {
      readonly kind: "limited";
      readonly tenants: ReadonlySet<string>;
      readonly regions: ReadonlySet<string>;
    };

/** Whose nodes a query asks for. One tenant is a list of one. */
export type ScopeQuery =
  | { readonly kind: "any" }
  | { readonly kind: "global-only" }
  | { readonly kind: "same-subnet" }
  | { readonly kind: "tenants"; readonly tenants: readonly string[] }
  | { readonly kind: "regions"; readonly regions: readonly string[] };

const TENANT = "scope:tenant:";
const REGION = "scope:region:";
const GLOBAL: NodeScope = Object.freeze({ kind: "global" });
const SUBNET_LOCAL: NodeScope = Object.freeze({ kind: "subnet-local" });

/** Resolves the `scope:` tags of a node; what is empty or unknown counts as nothing. */
export function resolveScope(tags: readonly string[]): NodeScope {
  const tenants = new Set<string>();
  const regions = new Set<string>();
  for (const tag of tags) {
    if (tag === "scope:subnet-local") return SUBNET_LOCAL;
    if (tag.startsWith(TENANT) && tag.length > TENANT.length) {
      tenants.add(tag.slice(TENANT.length));
    } else if (tag.startsWith(REGION) && tag.length > REGION.length) {
      regions.add(tag.slice(REGION.length));
    }
  }
  return tenants.size === 0 && regions.size === 0 ? GLOBAL : { kind: "limited", tenants, regions };
}

/**
 * Whether a node of this scope answers this query.
 *
 * @param sameSubnet whether the node counts as one of the asker's subnet
 */
export function scopeAdmits(query: ScopeQuery, scope: NodeScope, sameSubnet: boolean): boolean {
  if (query.kind === "same-subnet") return sameSubnet;
  if (scope.kind === "subnet-local") return false;
  if (query.kind === "any" || scope.kind === "global") return true;
  if (query.kind === "tenants") return query.tenants.some((id) => scope.tenants.has(id));
  if (query.kind === "regions") return query.regions.some((name) => scope.regions.has(name));
  return false;
}

/**
 * A query from the reference's dictionary: `kind` with `tenant`, `tenants`, `region` or `regions`.
 * What names nothing asks for `any`.
 *
 * @throws NetCapabilityError `TYPE`, with the reference's own words first
 */
export function readScopeQuery(dictionary: unknown): ScopeQuery {
  const scope = ensureDictionary(dictionary, "scope");
  switch (textField(scope, "kind")) {
    case "global_only":
    case "globalOnly":
      return { kind: "global-only" };
    case "same_subnet":
    case "sameSubnet":
      return { kind: "same-subnet" };
    case "tenant":
      return tenantsQuery(oneText(scope, "tenant"));
    case "tenants":
      return tenantsQuery(textsField(scope, "tenants"));
    case "region":
      return regionsQuery(oneText(scope, "region"));
    case "regions":
      return regionsQuery(textsField(scope, "regions"));
    default:
      return { kind: "any" };
  }
}

function tenantsQuery(named: readonly string[] | undefined): ScopeQuery {
  const tenants = (named ?? []).filter((id) => id !== "");
  return tenants.length === 0 ? { kind: "any" } : { kind: "tenants", tenants };
}

function regionsQuery(named: readonly string[] | undefined): ScopeQuery {
  const regions = (named ?? []).filter((name) => name !== "");
  return regions.length === 0 ? { kind: "any" } : { kind: "regions", regions };
}

function oneText(dictionary: Dictionary, key: string): readonly string[] {
  return [textField(dictionary, key) ?? ""];
}
