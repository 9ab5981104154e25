const PAGE = 65_536;

/**
 * What instantiates a kernel. Each package's build takes this into its own module, so that nothing of
 * this package is published.
 *
 * @param {string} binary the kernel's WebAssembly in base64
 * @returns {(bytes?: number) => any} gives the exports of a new instance, whose memory is its own and
 *   has `bytes` or more; the first call compiles, so that importing a package costs nothing
 */
export function kernelLoader(binary) {
  let compiled;
  return (bytes = 0) => {
    compiled ??= new WebAssembly.Module(
      Uint8Array.from(atob(binary), (character) => character.charCodeAt(0)),
    );
    const { exports } = new WebAssembly.Instance(compiled, {});
    const missing = bytes - exports.memory.buffer.byteLength;
    if (missing > 0) exports.memory.grow(Math.ceil(missing / PAGE));
    return exports;
  };
}
