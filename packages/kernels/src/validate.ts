/** Fast kernels are believed only where they were seen to be right: compilers and drivers have errors that no test here can meet. */
import { convKernelCases } from './conv2d/validation.js'
import type { Gpu } from './gpu.js'
import { type Attributes, elements, type NdArray, type Operation, type Shape } from './operation.js'
import { runOperation } from './testing/run.js'

export interface KernelCase {
  /** Its `dispatches` use the kernel in question, whatever would be chosen. */
  readonly operation: Operation
  readonly attributes: Attributes
  readonly inputs: readonly Shape[]
}

/** By the name of the shader. Plain kernels, one invocation per output, have none: they are what is left when these are refused. */
const cases: Readonly<Record<string, () => KernelCase[]>> = { ...convKernelCases }

/** Greatest difference allowed, relative to the greatest value: float32 sums of a few hundred products. */
const tolerance = 1e-4

const seen = new WeakMap<Gpu, Map<string, Promise<boolean>>>()

/**
 * Runs each kernel among `shaders` that has a case, and was not tried before on this device, against its float64 reference. One that is
 * wrong, or does not compile or run, joins `gpu.target.refused` and is never chosen from then on.
 * @returns names of all that are refused among `shaders`
 */
export async function validate(gpu: Gpu, shaders: Iterable<string>): Promise<string[]> {
  const tried = seen.get(gpu) ?? new Map<string, Promise<boolean>>()
  seen.set(gpu, tried)
  const wrong: string[] = []
  for (const name of new Set(shaders)) {
    if (!Object.hasOwn(cases, name)) continue
    if (!tried.has(name)) tried.set(name, isRight(gpu, cases[name]()))
    if (await tried.get(name)) continue
    gpu.refused.add(name)
    wrong.push(name)
  }
  return wrong
}

async function isRight(gpu: Gpu, list: readonly KernelCase[]): Promise<boolean> {
  for (const { operation, attributes, inputs } of list) {
    const data = inputs.map(fill)
    const [expected] = operation.reference(attributes, data)
    const results = await runOperation(gpu, operation, attributes, data).catch(() => undefined)
    // A device that was lost is the caller's to hear of.
    gpu.check()
    const scale = expected.data.reduce((greatest, value) => Math.max(greatest, Math.abs(value)), 1)
    if (!results || expected.data.some((value, i) => !(Math.abs(results[0].data[i] - value) <= tolerance * scale))) return false
  }
  return true
}

/** Values in [-1, 1] in an order of no meaning. */
const fill = (shape: Shape, seed: number): NdArray => ({
  shape,
  data: Float64Array.from({ length: elements(shape) }, (_, i) => Math.fround(Math.sin(12.9898 * i + 78.233 * seed))),
})
