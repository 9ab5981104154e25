import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCapabilities } from "./capability-dictionary.js";
import { vectors } from "./capability-vectors.testing.js";
import { normalizeGpuVendor } from "./gpu-vendor.js";
import { NetCapabilityError } from "./net-capability-error.js";

function tagsOf(dictionary: unknown): readonly string[] {
  return readCapabilities(dictionary).tags;
}

function problemOf(dictionary: unknown): NetCapabilityError {
  try {
    readCapabilities(dictionary);
  } catch (error) {
    if (error instanceof NetCapabilityError) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

describe("a dictionary gives the tags of the reference", () => {
  it.each(vectors.capability_encodings.cases)("$dict", ({ dict, tags, metadata }) => {
    const set = readCapabilities(dict);
    expect(set.tags).toEqual(tags.filter((tag) => tag !== "nat:unknown"));
    expect(Object.fromEntries(set.metadata)).toEqual(metadata);
  });

  it.each([
    [{ cpu_cores: 70_000 }, ["hardware.cpu_cores=65535", "hardware.cpu_threads=65535"]],
    [{ cpu_cores: 5, cpu_threads: 70_000 }, ["hardware.cpu_cores=5", "hardware.cpu_threads=65535"]],
    [{ cpu_cores: 5, cpu_threads: 0 }, ["hardware.cpu_cores=5"]],
    [{ cpu_cores: 0, cpu_threads: 7 }, ["hardware.cpu_threads=7"]],
    [{ cpu_cores: true }, ["hardware.cpu_cores=1", "hardware.cpu_threads=1"]],
    [{ storage_gb: 2n ** 64n - 1n }, ["hardware.storage_gb=18446744073709551615"]],
    [{ memory_gb: 2 ** 32 - 1 }, ["hardware.memory_gb=4294967295"]],
    [{ gpu: { fp16_tflops_x10: 70_000 } }, ["hardware.gpu", "hardware.gpu.fp16_tflops_x10=70000"]],
    [{ cpu_cores: null, gpu: undefined }, []],
    [{ additional_gpus: [{ vendor: "amd" }], accelerators: [{ kind: "tpu" }] }, []],
  ])("hardware %o", (hardware, tags) => {
    expect(tagsOf({ hardware })).toEqual(tags);
  });

  it("lets limits replace those written by hand, and only those", () => {
    const tags = [
      "hardware.limits.max_batch_size=3",
      "hardware.limits.x:3",
      "hardware.limits.",
      "hardware.limits=5",
      "hardware.limitsx=1",
      "hardware.limits:a.limits.b=3",
    ];
    const kept = ["hardware.limits:a.limits.b=3", "hardware.limits=5", "hardware.limitsx=1"];
    expect(tagsOf({ tags, limits: {} })).toEqual(kept);
    expect(tagsOf({ tags, limits: { max_batch_size: 4 } })).toEqual([
      "hardware.limits.max_batch_size=4",
      ...kept,
    ]);
    expect(tagsOf({ tags, limits: null })).toHaveLength(tags.length);
  });

  it("keeps an empty version of a runtime, and no runtime without a name", () => {
    const runtimes = [["a", ""], ["", "b"], ["a:b", "c"], ["x y", "1", "more"], ["one"], []];
    expect(tagsOf({ software: { runtimes } })).toEqual([
      "software.runtime.a=",
      "software.runtime.x y=1",
    ]);
  });

  it("joins requirements as they are, and gives no tag for none", () => {
    const tool = (requires: unknown): readonly string[] =>
      tagsOf({ tools: [{ requires }] }).filter((tag) => tag.includes("requires"));
    expect(tool(["a,b", "", "c"])).toEqual(["software.tool.0.requires=a,b,,c"]);
    expect(tool([""])).toEqual(["software.tool.0.requires="]);
    expect(tool([])).toEqual([]);
  });

  it("reads all tools but the last back, so that nothing empty is left of them", () => {
    const tool = { version: "", requires: [""] };
    const stateless = "software.tool.0.stateless=true";
    expect(tagsOf({ tools: [tool] })).toEqual(["software.tool.0.requires=", stateless]);
    expect(tagsOf({ tools: [tool, tool] })).toEqual([
      stateless,
      "software.tool.0.version=1.0.0",
      "software.tool.1.requires=",
      "software.tool.1.stateless=true",
    ]);
  });

  it("keeps what is optional even when it is empty", () => {
    expect(tagsOf({ software: { cuda_version: "", os: "" } })).toEqual(["software.cuda_version="]);
    expect(tagsOf({ models: [{ quantization: "", family: "" }] })).toEqual([
      "software.model.0.modalities=text",
      "software.model.0.quantization=",
    ]);
    const tools = [{ tool_id: "t", input_schema: "" }];
    expect([...readCapabilities({ tools }).metadata]).toEqual([["tool::t::input_schema", ""]]);
  });

  it("ignores what an object inherits", () => {
    const inherited: unknown = Object.create({ tags: ["inherited"] });
    expect(tagsOf(inherited)).toEqual([]);
    expect(tagsOf(JSON.parse('{"__proto__":{"tags":["x"]}}'))).toEqual([]);
  });
});

describe("a dictionary of other types is refused in the reference's words", () => {
  it.each(vectors.capability_encodings.type_errors)("$result", ({ dict, result }) => {
    const [kind, ...words] = result.split(": ");
    const problem = problemOf(dict);
    expect(problem.code).toBe(kind === "TypeError" ? "TYPE" : "RANGE");
    expect(problem.message.startsWith(words.join(": "))).toBe(true);
  });

  it.each([
    [null, "TYPE", "argument 'caps': 'None' is not an instance of 'dict'"],
    [1, "TYPE", "argument 'caps': 'int' object is not an instance of 'dict'"],
    [[], "TYPE", "argument 'caps': 'list' object is not an instance of 'dict'"],
    [{ software: 1 }, "TYPE", 'field "software" must be a dict'],
    [{ limits: [] }, "TYPE", 'field "limits" must be a dict'],
    [{ tools: {} }, "TYPE", 'field "tools" must be a list'],
    [{ models: [null] }, "TYPE", "models items must be dicts"],
    [{ hardware: { gpu: 1 } }, "TYPE", 'field "gpu" must be a dict'],
    [{ hardware: { additional_gpus: {} } }, "TYPE", 'field "additional_gpus" must be a list'],
    [{ hardware: { additional_gpus: [1] } }, "TYPE", "additional_gpus items must be dicts"],
    [{ hardware: { accelerators: [1] } }, "TYPE", "accelerators items must be dicts"],
    [
      { hardware: { accelerators: [{ kind: 1 }] } },
      "TYPE",
      "'int' object is not an instance of 'str'",
    ],
    [
      { hardware: { cpu_cores: 1.5 } },
      "TYPE",
      "'float' object cannot be interpreted as an integer",
    ],
    [{ hardware: { cpu_cores: [] } }, "TYPE", "'list' object cannot be interpreted as an integer"],
    [
      { hardware: { cpu_cores: 2 ** 32 } },
      "RANGE",
      "out of range integral type conversion attempted",
    ],
    [{ hardware: { memory_gb: 2n ** 63n } }, "RANGE", "Python int too large to convert to C long"],
    [{ hardware: { storage_gb: -1 } }, "RANGE", "can't convert negative int to unsigned"],
    [{ hardware: { storage_gb: 2n ** 64n } }, "RANGE", "int too big to convert"],
    [{ tags: [1] }, "TYPE", "'int' object is not an instance of 'str'"],
    [{ tags: [null] }, "TYPE", "'None' is not an instance of 'str'"],
    [{ tags: [true] }, "TYPE", "'bool' object is not an instance of 'str'"],
    [{ tags: { a: 1 } }, "TYPE", "'dict' object is not an instance of 'Sequence'"],
    [{ tags: new Uint8Array(2) }, "TYPE", "'int' object is not an instance of 'str'"],
    [{ tags: ["\ud800"] }, "TEXT", "expected text that has a UTF-8 form"],
    [{ software: { runtimes: [1] } }, "TYPE", "'int' object is not an instance of 'Sequence'"],
    [{ software: { runtimes: [null] } }, "TYPE", "'None' is not an instance of 'Sequence'"],
    [{ software: { runtimes: ["ab"] } }, "TYPE", "Can't extract `str` to `Vec`"],
    [
      { software: { runtimes: [["a", "b", 1]] } },
      "TYPE",
      "'int' object is not an instance of 'str'",
    ],
    [{ models: [{ loaded: 1 }] }, "TYPE", "'int' object is not an instance of 'bool'"],
    [{ tools: [{ input_schema: {} }] }, "TYPE", "'dict' object is not an instance of 'str'"],
    [{ limits: { max_input_bytes: 2 ** 32 } }, "RANGE", "out of range integral type conversion"],
  ])("%o", (dictionary, code, message) => {
    const problem = problemOf(dictionary);
    expect(problem.code).toBe(code);
    expect(problem.message.startsWith(message)).toBe(true);
  });

  it("refuses or reads anything, and breaks at nothing", () => {
    const value = fc.anything({ withBigInt: true, withNullPrototype: true, maxDepth: 4 });
    const keys = ["hardware", "software", "models", "tools", "tags", "limits"] as const;
    const dictionary = fc.record(
      Object.fromEntries(keys.map((key) => [key, fc.oneof(value, fc.array(value))])),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(dictionary, (dict) => {
        try {
          expect(tagsOf(dict)).not.toContain("");
        } catch (error) {
          expect(error).toBeInstanceOf(NetCapabilityError);
        }
      }),
    );
  });
});

describe("a GPU vendor", () => {
  it.each(Object.entries(vectors.normalize_gpu_vendor))("%j is %s", (text, vendor) => {
    expect(normalizeGpuVendor(text)).toBe(vendor);
  });

  it("is not made of letters that only look lower-cased alike", () => {
    expect(normalizeGpuVendor("\u212anvidia")).toBe("unknown");
  });
});
