/** Fast kernels are believed only where they were seen to be right: compilers and drivers have errors that no test here can meet. */
import { convKernelCases } from './conv2d/validation.js'
import type { Gpu } from './gpu.js'
import type { KernelCase } from './kernel-case.js'
import { type Dispatch, elements, type NdArray, type Shape } from './operation.js'
import { runOperation } from './testing/run.js'

/** By the name of the shader, given the constants of its pipeline. Plain kernels, one invocation per output, have none: they are what is left when these are refused. */
const cases: Readonly<Record<string, (constants: Readonly<Record<string, number>>) => KernelCase>> = { ...convKernelCases }

/** Greatest difference allowed, relative to the greatest value: float32 sums of a few hundred products. */
const tolerance = 1e-4

const seen = new WeakMap<Gpu, Map<string, Promise<boolean>>>()

/**
 * Runs each kernel among the dispatches that has a case, and was not tried before on this device with these constants, against its float64
 * reference. One that is wrong, or does not compile or run, joins `gpu.target.refused` and is never chosen from then on.
 * @returns names of all that are refused among them
 */
export async function validate(
  gpu: Gpu,
  dispatches: Iterable<Pick<Dispatch, 'constants'> & { shader: { name: string } }>,
): Promise<string[]> {
  const tried = seen.get(gpu) ?? new Map<string, Promise<boolean>>()
  seen.set(gpu, tried)
  const right: [name: string, Promise<boolean>][] = []
  for (const { shader, constants = {} } of dispatches) {
    if (!Object.hasOwn(cases, shader.name)) continue
    const key = `${shader.name} ${JSON.stringify(constants)}`
    if (!tried.has(key)) tried.set(key, isRight(gpu, cases[shader.name](constants)))
    right.push([shader.name, tried.get(key)!])
  }
  // All at once: one that fails, as all do when the device is lost, is not to be forgotten behind another.
  const verdicts = await Promise.all(right.map(([, each]) => each))
  for (const [i, [name]] of right.entries()) if (!verdicts[i]) gpu.refused.add(name)
  return [...new Set(right.map(([name]) => name))].filter((name) => gpu.refused.has(name))
}

async function isRight(gpu: Gpu, { operation, attributes, inputs, integerInputs }: KernelCase): Promise<boolean> {
  const data = inputs.map((input, i) => (input && 'data' in input ? input : input && fill(input, i)))
  const [expected] = operation.reference(attributes, data)
  const results = await runOperation(gpu, operation, attributes, data, { integerInputs }).catch(() => undefined)
  // A device that was lost is the caller's to hear of.
  gpu.check()
  const scale = expected.data.reduce((greatest, value) => Math.max(greatest, Math.abs(value)), 1)
  return results !== undefined && expected.data.every((value, i) => Math.abs(results[0].data[i] - value) <= tolerance * scale)
}

/** Values in [-1, 1] in an order of no meaning. */
const fill = (shape: Shape, seed: number): NdArray => ({
  shape,
  data: Float64Array.from({ length: elements(shape) }, (_, i) => Math.fround(Math.sin(12.9898 * i + 78.233 * seed))),
})
