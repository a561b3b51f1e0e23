/** What a compute pipeline is compiled to. */

/** A resource that the shader uses. */
export interface BindingUse {
  readonly group: number
  readonly binding: number
  readonly type: 'uniform' | 'storage' | 'read-only-storage'
  /** The least size of what is bound, in bytes: the variable's type with one element of a runtime-sized array. */
  readonly minSize: number
}

export interface CompileOptions {
  /** Whether the memory is shared among threads. */
  readonly shared: boolean
  /** Fused multiply-add (relaxed SIMD) where the shader multiplies and adds. */
  readonly fused: boolean
}

/**
 * A WebAssembly module that imports `env.memory` and exports
 * `run(record: i32, first: i32, end: i32, scratch: i32)`: runs the workgroups with linear numbers first <= n < end (x fastest). `record` is where the dispatch is
 * described in memory, as u32 words: workgroups in x, y, z, one unused, then for each of `bindings` the byte address and the size in bytes of what is bound.
 * `scratch` is the address, aligned to 64 bytes, of `scratchBytes` that this thread alone uses meanwhile; its content is of no interest before and after.
 */
export interface CompiledPipeline {
  readonly wasm: Uint8Array<ArrayBuffer>
  /** In the order in which `record` has them. */
  readonly bindings: readonly BindingUse[]
  readonly workgroupSize: readonly [number, number, number]
  /** Bytes of workgroup variables, for the limit. */
  readonly workgroupBytes: number
  readonly scratchBytes: number
}
