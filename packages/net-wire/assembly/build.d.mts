/** Compiles the kernel; the text of src/kernel-module.ts. */
export declare function compileKernel(): Promise<string>;
