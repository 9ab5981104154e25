import { describe, expect, it } from "vitest";
import {
  type CapabilityFilter,
  ensureFilter,
  matchesFilter,
  readFilter,
} from "./capability-filter.js";
import { CapabilitySet } from "./capability-set.js";
import { vectors } from "./capability-vectors.testing.js";
import { NetCapabilityError } from "./net-capability-error.js";
import { readScopeQuery, scopeAdmits } from "./scope.js";

const corpus = Object.entries(vectors.find_nodes.corpus).map(
  ([name, tags]) => [name, CapabilitySet.of(tags)] as const,
);

function matches(tags: readonly string[], filter: unknown): boolean {
  return matchesFilter(CapabilitySet.of(tags), readFilter(filter), "find");
}

describe("a filter matches what the reference finds", () => {
  it.each(vectors.find_nodes.cases)("$filter", ({ filter, matches: expected }) => {
    const found = corpus.filter(([, set]) => matchesFilter(set, readFilter(filter), "find"));
    expect(found.map(([name]) => name).sort()).toEqual(expected);
  });

  // Each line was observed on the reference.
  it.each([
    [["hardware.memory_gb=+5"], { min_memory_gb: 5 }, true],
    [["hardware.memory_gb=05"], { min_memory_gb: 5 }, true],
    [["hardware.memory_gb= 5"], { min_memory_gb: 5 }, false],
    [["hardware.memory_gb=++5"], { min_memory_gb: 5 }, false],
    [["hardware.memory_gb=\u0665"], { min_memory_gb: 5 }, false],
    [["hardware.memory_gb=4294967295"], { min_memory_gb: 1 }, true],
    [["hardware.memory_gb=4294967296"], { min_memory_gb: 1 }, false],
    [["hardware.memory_gb:7"], { min_memory_gb: 5 }, true],
    [["hardware.memory_gb:5=6"], { min_memory_gb: 5 }, false],
    [["hardware.memory_gb=6", "hardware.memory_gb=50"], { min_memory_gb: 7 }, false],
    [["hardware.memory_gb:2", "hardware.memory_gb=50"], { min_memory_gb: 7 }, true],
    [["hardware.memory_gb=50", "hardware.memory_gb=x"], { min_memory_gb: 7 }, false],
    [["hardware.memory_gb=50", "hardware.memory_gb"], { min_memory_gb: 7 }, true],
    [["hardware.gpu", "hardware.gpu.vendor=NVIDIA"], { gpu_vendor: "nvidia" }, false],
    [["hardware.gpu", "hardware.gpu.vendor=NVIDIA"], { gpu_vendor: "zzz" }, true],
    [["hardware.gpu", "hardware.gpu.vendor:nvidia"], { gpu_vendor: "nvidia" }, true],
    [["hardware.gpu=yes"], { require_gpu: true }, false],
    [["hardware.gpu", "hardware.gpu.vram_gb=x"], { min_vram_gb: 0 }, true],
    [["software.model.4294967295.id=a"], { require_models: ["a"] }, true],
    [["software.model.4294967296.id=a"], { require_models: ["a"] }, false],
    [["software.model.+1.id=a"], { require_models: ["a"] }, true],
    [["software.model.x.id=a"], { require_models: ["a"] }, false],
    [["software.model.1.id=a", "software.model.01.id=b"], { require_models: ["a"] }, true],
    [["software.model.1.id=a", "software.model.01.id=b"], { require_models: ["b"] }, false],
    [["software.model.0.id"], { require_models: [""] }, false],
    [["software.model.0.id="], { require_models: [""] }, true],
    [["software.model.0.family=z"], { require_models: [""] }, false],
    [["software.model.0.zzz=z"], { min_context_length: 0 }, true],
    [["software.model.0."], { min_context_length: 0 }, true],
    [["software.model.0=z"], { min_context_length: 0 }, false],
    [["software.model.0"], { min_context_length: 0 }, false],
    [["software.model.0.context_length=70000000000"], { min_context_length: 1 }, false],
    [["software.tool.0.tool_id="], { require_tools: [""] }, true],
    [["software.tool.0.id=z"], { require_tools: ["z"] }, false],
    [["software.model.0.modalities"], { require_modalities: ["text"] }, true],
    [["software.model.0.modalities=zz"], { require_modalities: ["text"] }, true],
    [["software.model.0.modalities=IMAGE"], { require_modalities: ["image"] }, false],
    [["software.model.0.modalities=tool-use"], { require_modalities: ["tool_use"] }, false],
    [["software.model.0.modalities=tool_use"], { require_modalities: ["Tool-Use"] }, true],
    [["software.model.0.modalities=image, code"], { require_modalities: ["code"] }, false],
    [
      ["software.model.0.modalities=image", "software.model.1.modalities=code"],
      { require_modalities: ["image", "code"] },
      true,
    ],
  ])("tags %j, filter %j: %s", (tags, filter, expected) => {
    expect(matches(tags, filter)).toBe(expected);
  });

  it.each([
    [["software.model.x.id=a"], { require_models: ["a"] }],
    [["software.model.0.id=a", "software.model.0.id=b"], { require_models: ["a", "c"] }],
    [["software.tool.x.tool_id=a"], { require_tools: ["a"] }],
  ])("takes an id from any tag for a channel only: tags %j, filter %j", (tags, filter) => {
    expect(matches(tags, filter)).toBe(false);
    expect(matchesFilter(CapabilitySet.of(tags), readFilter(filter), "channel")).toBe(true);
  });

  it("asks for nothing by empty lists and by null", () => {
    expect(matches([], { require_tags: [], require_models: [], require_tools: [] })).toBe(true);
    expect(matches([], { require_modalities: [], require_gpu: null, gpu_vendor: null })).toBe(true);
  });

  it("tells key=value from key:value, but not for a channel", () => {
    const set = CapabilitySet.of(["software.os:linux", "devices.a=b:c", "plain=x"]);
    const forChannel = (tag: string): boolean =>
      matchesFilter(set, { requireTags: [tag] }, "channel");
    expect(matchesFilter(set, { requireTags: ["software.os=linux"] }, "find")).toBe(false);
    expect(forChannel("software.os=linux")).toBe(true);
    expect(forChannel("software.os:linux")).toBe(true);
    expect(forChannel("devices.a:b:c")).toBe(true);
    expect(forChannel("devices.a:b=c")).toBe(false);
    expect(forChannel("plain:x")).toBe(false);
    expect(forChannel("software.os")).toBe(false);
  });
});

describe("a filter of other types is refused in the reference's words", () => {
  it.each(vectors.find_nodes_errors)("$result", ({ filter, result }) => {
    expect(() => readFilter(filter)).toThrow(result.replace("TypeError: ", ""));
  });

  it.each([
    [null, "argument 'filter': 'None' is not an instance of 'dict'"],
    [{ require_tools: 1 }, "'int' object is not an instance of 'Sequence'"],
    [{ min_memory_gb: -1 }, "out of range integral type conversion attempted"],
    [{ min_vram_gb: 2 ** 32 }, "out of range integral type conversion attempted"],
    [{ gpu_vendor: 1 }, "'int' object is not an instance of 'str'"],
  ])("%j", (filter, message) => {
    expect(() => readFilter(filter)).toThrow(message);
  });
});

describe("a scope", () => {
  it.each(vectors.find_nodes_scoped.cases)("$scope", ({ scope, matches: expected }) => {
    const query = readScopeQuery(scope);
    const found = corpus.filter(([, set]) => scopeAdmits(query, set.scope, false));
    expect(found.map(([name]) => name).sort()).toEqual(expected);
  });

  it("of the same subnet asks for nothing else", () => {
    const local = CapabilitySet.of(["scope:subnet-local", "scope:tenant:a"]);
    expect(scopeAdmits({ kind: "same-subnet" }, local.scope, true)).toBe(true);
    expect(scopeAdmits({ kind: "tenants", tenants: ["a"] }, local.scope, true)).toBe(false);
  });

  it.each([
    [[], "argument 'scope': 'list' object is not an instance of 'dict'"],
    [{ kind: 1 }, "'int' object is not an instance of 'str'"],
    [{ kind: "tenant", tenant: 1 }, "'int' object is not an instance of 'str'"],
    [{ kind: "tenants", tenants: "x" }, "Can't extract `str` to `Vec`"],
  ])("%j is refused", (scope, message) => {
    expect(() => readScopeQuery(scope)).toThrow(NetCapabilityError);
    expect(() => readScopeQuery(scope)).toThrow(message);
  });

  it("reads only the field its kind names", () => {
    expect(readScopeQuery({ kind: "any", tenant: 1 })).toEqual({ kind: "any" });
    expect(readScopeQuery({ kind: "tenant", tenants: ["a"] })).toEqual({ kind: "any" });
  });
});

describe("a filter from code", () => {
  it("is one when all its conditions are", () => {
    const filter = {
      requireTags: ["a"],
      minVramGb: 0,
      requireGpu: false,
      gpuVendor: "amd",
    } as const;
    expect(ensureFilter(filter)).toBe(filter);
    expect(ensureFilter({})).toEqual({});
  });

  it.each<[string, unknown]>([
    ["a key of the reference's dictionaries", { require_tags: ["gpu"] }],
    ["a key that means nothing", { requireTag: "gpu" }],
    ["one text for a list", { requireTags: "gpu" }],
    ["a number in text", { minMemoryGb: "8" }],
    ["a negative number", { minMemoryGb: -1 }],
    ["a word for yes", { requireGpu: "yes" }],
    ["no object", ["gpu"]],
    ["nothing", null],
  ])("is refused with %s, which would let everybody pass", (_name, filter) => {
    expect(() => ensureFilter(filter as CapabilityFilter)).toThrow(
      expect.objectContaining({ name: "NetCapabilityError", code: "TYPE" }),
    );
  });
});
