import { describe, expect, test } from 'vitest'
import { backward, createTape, forward, forwardTangent, initialise, type Mlp, mlpSize } from './mlp.js'
import { createRandom } from './random.js'

function network(sizes: number[]): Mlp {
  const size = mlpSize(sizes)
  const mlp = { sizes, parameters: new Float64Array(size), gradient: new Float64Array(size) }
  initialise(mlp, 1, createRandom(5))
  const random = createRandom(6)
  for (let i = 0; i < size; i++) mlp.parameters[i] += 0.1 * random.normal()
  return mlp
}

const randoms = (length: number, seed: number) => Float64Array.from({ length }, createRandom(seed).normal)

describe('mlp', () => {
  // sizes around the 2 x 4 blocks of the inner loop, and no hidden layer at all
  for (const [sizes, n] of [
    [[3, 5, 4, 2], 7],
    [[9, 8, 1], 4],
    [[1, 3, 3], 1],
    [[4, 3], 5],
  ] as const) {
    test(`[${sizes}] x ${n}: forward is plain loops, gradient is central differences`, () => {
      const mlp = network([...sizes])
      const x = randoms(n * sizes[0], 1)
      const last = sizes[sizes.length - 1]
      const weights = randoms(n * last, 2) // loss = sum of weights * outputs
      const tape = createTape(sizes, n + 3)

      let rows = Array.from({ length: n }, (_, r) => Array.from(x.subarray(r * sizes[0], (r + 1) * sizes[0])))
      let at = 0
      for (let l = 1; l < sizes.length; l++) {
        const bias = at + sizes[l] * sizes[l - 1]
        const next = rows.map((row) =>
          Array.from({ length: sizes[l] }, (_, o) => {
            const z = row.reduce((sum, v, i) => sum + v * mlp.parameters[at + o * sizes[l - 1] + i], mlp.parameters[bias + o])
            return l < sizes.length - 1 ? Math.tanh(z) : z
          }),
        )
        at = bias + sizes[l]
        rows = next
      }
      const outputs = forward(mlp, x, n, tape)
      rows.flat().forEach((value, i) => {
        expect(outputs[i]).toBeCloseTo(value, 13)
      })

      backward(mlp, x, n, tape, weights)
      const loss = () => forward(mlp, x, n, tape).reduce((sum, value, i) => sum + (i < n * last ? value * weights[i] : 0), 0)
      for (let i = 0; i < mlp.parameters.length; i++) {
        const held = mlp.parameters[i]
        mlp.parameters[i] = held + 1e-5
        const up = loss()
        mlp.parameters[i] = held - 1e-5
        const down = loss()
        mlp.parameters[i] = held
        expect(mlp.gradient[i]).toBeCloseTo((up - down) / 2e-5, 7)
      }
    })
  }

  test('gradients add up', () => {
    const mlp = network([2, 3, 1])
    const x = randoms(4, 1)
    const tape = createTape(mlp.sizes, 2)
    const pass = () => {
      forward(mlp, x, 2, tape)
      backward(mlp, x, 2, tape, Float64Array.of(1, -2))
    }
    pass()
    const once = mlp.gradient.slice()
    pass()
    expect(mlp.gradient).toEqual(once.map((g) => 2 * g))
  })

  test('initial weights are orthogonal with the gain of the layer, biases 0', () => {
    const sizes = [3, 6, 2]
    const mlp = { sizes, parameters: new Float64Array(mlpSize(sizes)), gradient: new Float64Array(mlpSize(sizes)) }
    initialise(mlp, 0.01, createRandom(0))
    const w = (o: number, i: number) => mlp.parameters[o * 3 + i]
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const product = Array.from({ length: 6 }, (_, o) => w(o, i) * w(o, j)).reduce((a, b) => a + b)
        expect(product).toBeCloseTo(i === j ? 2 : 0, 12)
      }
    }
    const head = mlp.parameters.subarray(24, 36)
    expect(head.subarray(0, 6).reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(1e-4, 14)
    expect([...mlp.parameters.subarray(18, 24), ...mlp.parameters.subarray(36)]).toEqual(new Array(8).fill(0))
  })
})

test.each(['tanh', 'relu'] as const)(
  'the tangent along a change of the parameters is the central difference of the outputs, %s',
  (activation) => {
    const sizes = [3, 5, 4, 2]
    const mlp = { ...network(sizes), activation }
    const x = randoms(7 * 3, 1)
    const direction = randoms(mlp.parameters.length, 3)
    const tape = createTape(sizes, 7)
    const old = mlp.parameters.slice()
    const at = (e: number) => {
      for (let i = 0; i < old.length; i++) mlp.parameters[i] = old[i] + e * direction[i]
      return forward(mlp, x, 7, tape).slice()
    }
    const [up, down] = [at(1e-5), at(-1e-5)]
    at(0)
    const found = forwardTangent(mlp, x, 7, tape, direction, createTape(sizes, 7))
    for (let i = 0; i < 7 * 2; i++) expect(found[i]).toBeCloseTo((up[i] - down[i]) / 2e-5, 7)
  },
)
