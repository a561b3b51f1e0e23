import { expectShape, shapeAttribute } from '../checks.js'
import { elements, type NdArray, type Operation, type Shape, workgroups1d } from '../operation.js'
import { philox4x32 } from './philox.js'
import philoxCode from './philox.wgsl'
import code from './random.wgsl'

const shader = { name: 'Random', code: philoxCode + code, access: ['read', 'write'] } as const

/** Value i comes from word i mod 4 of philox((i div 4, 0, stream, 0), (seed, 0)), of which the upper 24 bits count. */
function values(shape: Shape, counter: NdArray, normal: boolean): NdArray {
  const [seed, stream] = counter.data
  const data = new Float64Array(elements(shape))
  for (let first = 0; first < data.length; first += 4) {
    const u = philox4x32([first / 4, 0, stream, 0], [seed, 0]).map((word) => (word >>> 8) / 2 ** 24)
    const pair = ([a, b]: number[]) => {
      const radius = Math.sqrt(-2 * Math.log(1 - a))
      return [radius * Math.cos(2 * Math.PI * b), radius * Math.sin(2 * Math.PI * b)]
    }
    const four = normal ? [...pair([u[0], u[1]]), ...pair([u[2], u[3]])] : u
    data.set(four.slice(0, data.length - first), first)
  }
  return { shape, data }
}

function random(op: string, normal: boolean): Operation {
  return {
    op,
    infer(attributes, inputs) {
      expectShape(op, 'counter', inputs[0], [2])
      return [[...shapeAttribute(op, attributes, 'shape')]]
    },
    dispatches(_, [counter], [y], target) {
      const count = elements(y.shape)
      return [
        {
          shader,
          operands: [counter, y],
          params: { u32: [count, normal ? 1 : 0] },
          workgroups: workgroups1d(Math.ceil(count / 4), 64, target),
        },
      ]
    },
    reference: (attributes, [counter]) => [values(attributes.shape as Shape, counter!, normal)],
  }
}

/** RandomUniform(counter u32 [2]: seed, stream) {shape} -> f32 in [0, 1), multiples of 2^-24: Philox 4x32-10 by position. */
export const randomUniform = random('RandomUniform', false)
/** RandomNormal(counter u32 [2]: seed, stream) {shape} -> f32, mean 0, variance 1 (Box and Muller 1958; the last digits are the adapter's log and cos). */
export const randomNormal = random('RandomNormal', true)
