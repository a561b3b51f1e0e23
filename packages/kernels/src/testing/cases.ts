/** One declaration of a case serves as test against the float64 reference and as gradient check (and, in benchmarks, as a benchmark). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acquireGpu, type Gpu } from '../gpu.js'
import { type Attributes, elements, type NdArray, type Operation, type Shape, type Target } from '../operation.js'
import { type RunOptions, runOperation } from './run.js'

export interface Case extends RunOptions {
  readonly name: string
  readonly attributes: Attributes
  /** Shapes get seeded values in [-1, 1]; arrays are used as they are. */
  readonly inputs: readonly (Shape | NdArray | undefined)[]
  /** Greatest |difference| allowed, relative to max(1, greatest |reference|); 1e-5 when absent. */
  readonly tolerance?: number
  /** false: no gradient check though the operation has a gradient (kinks, integer inputs). Otherwise the inputs to check; all float ones when absent. */
  readonly gradient?: false | readonly number[]
}

/** Values in [-1, 1) from a seed: xorshift32, no two equal nearby (so that max has no ties). */
export function randomArray(shape: Shape, seed: number): NdArray {
  let state = (seed * 2654435761 + 12345) >>> 0 || 1
  const data = Float64Array.from({ length: elements(shape) }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return Math.fround(state / 2147483648 - 1)
  })
  return { shape, data }
}

export function arrayOf(shape: Shape, values: ArrayLike<number>): NdArray {
  if (elements(shape) !== values.length) throw new Error(`[${shape.join(', ')}] has ${elements(shape)} elements, ${values.length} given`)
  return { shape, data: Float64Array.from(values) }
}

export function materialize(inputs: Case['inputs']): (NdArray | undefined)[] {
  return inputs.map((input, i) => (input === undefined ? undefined : 'data' in input ? input : randomArray(input, i + 1)))
}

let gpu: Gpu | undefined
/** The adapter tests run on: `ESPALIER_ADAPTER` or the best there is. No adapter is a failure, never a skip. */
export async function testGpu(): Promise<Gpu> {
  gpu ??= await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  return gpu
}

/**
 * `operations` resolves the calls a gradient emits. Each case: shader against reference; then, for each float input, the
 * operation's own gradient (evaluated with references) against central differences of the reference in float64.
 */
export function testOperation(operation: Operation, cases: readonly Case[], operations: Readonly<Record<string, Operation>>): void {
  describe(operation.op, () => {
    beforeAll(testGpu)
    afterAll(() => gpu?.check())
    for (const c of cases) {
      test(`${c.name}: shader = reference`, async () => {
        const inputs = materialize(c.inputs)
        const expected = operation.reference(c.attributes, inputs)
        const actual = await runOperation(await testGpu(), operation, c.attributes, inputs, c)
        expect(actual.map((array) => array.shape)).toEqual(expected.map((array) => [...array.shape]))
        for (const [i, array] of actual.entries()) expectClose(array, expected[i], c.tolerance ?? 1e-5, `${operation.op} output ${i}`)
      })
      if (c === cases[0]) {
        test(`${c.name}: as where a dimension takes few workgroups`, async () => {
          const inputs = materialize(c.inputs)
          const folded = foldedOperation(operation)
          const expected = operation.reference(c.attributes, inputs)
          const actual = await runOperation(await testGpu(), folded, c.attributes, inputs, c)
          for (const [i, array] of actual.entries()) expectClose(array, expected[i], c.tolerance ?? 1e-5, `${operation.op} output ${i}`)
        })
      }
      if (operation.gradient && c.gradient !== false) {
        test(`${c.name}: gradient = central differences`, () => checkGradient(operation, c, operations))
      }
    }
  })
}

/** A one-dimensional grid is folded over two beyond 65,535 workgroups: the same with a limit that small cases exceed. */
const foldedOperation = (operation: Operation): Operation => ({
  ...operation,
  dispatches: (attributes, inputs, outputs, target) =>
    operation.dispatches(attributes, inputs, outputs, { ...target, maxWorkgroupsPerDimension: 2 }),
})

/** With the kernels that adapters of that kind take, whatever adapter there is. */
export const asOn = (kind: Target['kind'], operation: Operation): Operation => ({
  ...operation,
  dispatches: (attributes, inputs, outputs, target) => operation.dispatches(attributes, inputs, outputs, { ...target, kind }),
})

export function expectClose(actual: NdArray, expected: NdArray, tolerance: number, what: string): void {
  let scale = 1
  for (const value of expected.data) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value))
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i], expected.data[i]]
    if (Object.is(a, e) || (Number.isNaN(a) && Number.isNaN(e))) continue
    if (!(Math.abs(a - e) <= tolerance * scale))
      expect.fail(`${what}[${i}] of [${expected.shape.join(', ')}]: ${a}, expected ${e} (tolerance ${tolerance} x ${scale})`)
  }
}

function checkGradient(operation: Operation, c: Case, operations: Readonly<Record<string, Operation>>): void {
  const inputs = materialize(c.inputs)
  const outputs = operation.reference(c.attributes, inputs).slice(
    0,
    operation.infer(
      c.attributes,
      inputs.map((input) => input?.shape),
    ).length,
  )
  const wanted = inputs.map(
    (input, i) =>
      input !== undefined && !c.integerInputs?.includes(i) && (c.gradient === undefined || (c.gradient as readonly number[]).includes(i)),
  )
  const values = new Map<string, NdArray>()
  inputs.forEach((input, i) => input && values.set(`input${i}`, input))
  outputs.forEach((output, i) => values.set(`output${i}`, output))
  // Only the first output carries a gradient; the others are saved statistics.
  const seed = randomArray(outputs[0].shape, 99)
  values.set('outputGradient', seed)
  let count = 0
  const gradients = operation.gradient!(
    {
      attributes: c.attributes,
      inputs: inputs.map((input, i) => (input ? `input${i}` : undefined)),
      outputs: outputs.map((_, i) => `output${i}`),
      inputShapes: inputs.map((input) => input?.shape),
      outputShapes: outputs.map((output) => output.shape),
      wanted,
    },
    ['outputGradient', ...outputs.slice(1).map(() => undefined)],
    (op, attributes, names) => {
      const callee = operations[op]
      if (!callee) throw new Error(`${operation.op}: its gradient calls '${op}', which is not among the operations`)
      const results = callee.reference(
        attributes,
        names.map((name) => (name === undefined ? undefined : values.get(name))),
      )
      return results.map((result) => {
        const name = `value${count++}`
        values.set(name, result)
        return name
      })
    },
  )
  for (const [i, input] of inputs.entries()) {
    if (!input || !wanted[i]) continue
    const name = gradients[i]
    expect(name, `gradient of input ${i}`).toBeDefined()
    const gradient = values.get(name!)!
    expect(gradient.data.length).toBe(input.data.length)
    const h = 1e-5
    // At most 40 positions, spread over the input: the reference is O(everything) per evaluation.
    const step = Math.max(1, Math.floor(input.data.length / 40))
    for (let j = 0; j < input.data.length; j += step) {
      const loss = (delta: number) => {
        const moved = Float64Array.from(input.data)
        moved[j] += delta
        const [y] = operation.reference(
          c.attributes,
          inputs.map((other, k) => (k === i ? { shape: input.shape, data: moved } : other)),
        )
        return y.data.reduce((sum, value, k) => sum + value * seed.data[k], 0)
      }
      const numeric = (loss(h) - loss(-h)) / (2 * h)
      const difference = Math.abs(gradient.data[j] - numeric)
      if (!(difference <= 1e-5 * Math.max(1, Math.abs(numeric))))
        expect.fail(`${operation.op}: d/d input ${i}[${j}] is ${gradient.data[j]}, central difference ${numeric}`)
    }
  }
}
