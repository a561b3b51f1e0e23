/** jax-js' WebGPU backend, whose shaders nobody here wrote, on the CPU adapter: against plain loops. Every use of an array consumes it, hence the `.ref`s. */
import { createGpu, globals } from '@espalier/cpu'
import { beforeAll, expect, test } from 'vitest'

type Jax = typeof import('@jax-js/jax')
type Array_ = import('@jax-js/jax').numpy.Array
let jax: Jax

beforeAll(async () => {
  Object.assign(globalThis, globals)
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: await createGpu({ threads: 2 }), userAgent: 'node' }, configurable: true })
  jax = await import('@jax-js/jax')
  await jax.init('webgpu')
  jax.defaultDevice('webgpu')
})

function data(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}
const array = (values: Float32Array<ArrayBuffer>, ...shape: number[]) => jax.numpy.array(values, { shape })

async function agree(found: Array_, wanted: ArrayLike<number>, tolerance = 1e-4): Promise<void> {
  const values = Array.from((await found.data()) as Float32Array)
  expect(values.length).toBe(wanted.length)
  const scale = Math.max(1, ...Array.from(wanted, Math.abs))
  values.forEach((value, i) => {
    if (!(Math.abs(value - wanted[i]) <= tolerance * scale)) throw new Error(`at ${i}: expected ${wanted[i]}, found ${value}`)
  })
}

const [rows, columns] = [13, 37]
const row = (x: Float32Array, i: number) => Array.from(x.subarray(i * columns, (i + 1) * columns))
const each = <T>(length: number, make: (i: number) => T) => Array.from({ length }, (_, i) => make(i))

test('jax-js: sums, means and greatest values', async () => {
  const x = data(rows * columns, 1)
  await agree(
    array(x, rows, columns).sum(1),
    each(rows, (i) => row(x, i).reduce((a, b) => a + b, 0)),
  )
  await agree(
    array(x, rows, columns).max(1),
    each(rows, (i) => Math.max(...row(x, i))),
  )
  await agree(array(x, rows, columns).mean(), [x.reduce((a, b) => a + b, 0) / x.length])
})

test('jax-js: places of greatest values', async () => {
  const x = data(rows * columns, 2)
  await agree(
    jax.numpy.argmax(array(x, rows, columns), 1),
    each(rows, (i) => row(x, i).indexOf(Math.max(...row(x, i)))),
  )
})

test('jax-js: softmax', async () => {
  const x = data(rows * columns, 3)
  const wanted = each(rows, (i) => {
    const powers = row(x, i).map(Math.exp)
    const sum = powers.reduce((a, b) => a + b, 0)
    return powers.map((power) => power / sum)
  }).flat()
  await agree(jax.nn.softmax(array(x, rows, columns), 1), wanted)
  await agree(jax.nn.logSoftmax(array(x, rows, columns), 1), wanted.map(Math.log))
})

test('jax-js: functions of one number', async () => {
  const x = data(300, 4)
  const { numpy: np, nn } = jax
  await agree(np.exp(array(x, 300)), x.map(Math.exp))
  await agree(np.tanh(array(x, 300)), x.map(Math.tanh))
  await agree(np.sin(array(x, 300)), x.map(Math.sin))
  await agree(
    nn.relu(array(x, 300)),
    x.map((value) => Math.max(0, value)),
  )
  await agree(
    nn.sigmoid(array(x, 300)),
    x.map((value) => 1 / (1 + Math.exp(-value))),
  )
})

function product(a: Float32Array, b: Float32Array, m: number, k: number, n: number): Float32Array {
  const c = new Float32Array(m * n)
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) for (let l = 0; l < k; l++) c[i * n + j] += a[i * k + l] * b[l * n + j]
  return c
}

test('jax-js: matrix products and their gradients', async () => {
  for (const [m, k, n] of [
    [5, 7, 3],
    [64, 48, 80],
    [1, 130, 33],
  ]) {
    const [a, b] = [data(m * k, 5), data(k * n, 6)]
    await agree(jax.numpy.matmul(array(a, m, k), array(b, k, n)), product(a, b, m, k, n))
    // Of the sum over all of it: at [i, l] the sum of row l of b.
    const gradient = jax.grad((x: Array_) => jax.numpy.matmul(x, array(b, k, n)).sum())(array(a, m, k))
    const sums = each(k, (l) => b.subarray(l * n, (l + 1) * n).reduce((p, q) => p + q, 0))
    await agree(gradient, each(m, () => sums).flat())
  }
})

/** [1, c, h, w] by [o, c, 3, 3], padded by one. */
function convolution(x: Float32Array, w: Float32Array, c: number, h: number, width: number, o: number): Float32Array {
  const y = new Float32Array(o * h * width)
  for (let m = 0; m < o; m++)
    for (let i = 0; i < h; i++)
      for (let j = 0; j < width; j++)
        for (let l = 0; l < c; l++)
          for (let a = 0; a < 3; a++)
            for (let b = 0; b < 3; b++) {
              const [p, q] = [i + a - 1, j + b - 1]
              if (p < 0 || q < 0 || p >= h || q >= width) continue
              y[(m * h + i) * width + j] += x[(l * h + p) * width + q] * w[((m * c + l) * 3 + a) * 3 + b]
            }
  return y
}

test('jax-js: convolutions and their gradients', async () => {
  const [c, h, w, o] = [4, 9, 7, 6]
  const [x, k] = [data(c * h * w, 7), data(o * c * 9, 8)]
  const conv = (input: Array_, kernel: Array_) =>
    jax.lax.convGeneralDilated(
      input,
      kernel,
      [1, 1],
      [
        [1, 1],
        [1, 1],
      ],
    )
  const y = convolution(x, k, c, h, w, o)
  await agree(conv(array(x, 1, c, h, w), array(k, o, c, 3, 3)), y)
  // Of half the sum of squares in the direction of the weights themselves: it grows by the sum of squares.
  const gradient = jax.grad((kernel: Array_) =>
    jax.numpy
      .square(conv(array(x, 1, c, h, w), kernel))
      .sum()
      .mul(0.5),
  )(array(k, o, c, 3, 3))
  await agree(gradient.mul(array(k, o, c, 3, 3)).sum(), [y.reduce((sum, value) => sum + value * value, 0)], 1e-3)
})

test('jax-js: pooling', async () => {
  const x = data(2 * 6 * 8, 9)
  const wanted = each(2 * 3 * 4, (at) => {
    const [channel, i, j] = [Math.floor(at / 12), Math.floor(at / 4) % 3, at % 4]
    return Math.max(...each(4, (l) => x[(channel * 6 + 2 * i + (l >> 1)) * 8 + 2 * j + (l & 1)]))
  })
  await agree(
    jax.lax.reduceWindow(array(x, 1, 2, 6, 8), (window) => window.max(), [2, 2], [2, 2]),
    wanted,
  )
})

test('jax-js: a compiled step of descent', async () => {
  const { numpy: np } = jax
  const [x, t] = [data(20 * 6, 10), data(20, 11)]
  const loss = (w: Array_) => np.square(np.matmul(array(x, 20, 6), w).sub(array(t, 20))).mean()
  const step = jax.jit((w: Array_) => w.ref.sub(jax.grad(loss)(w).mul(0.1)))
  let own: Float32Array = new Float32Array(6)
  let theirs: Array_ = np.zeros([6])
  for (let i = 0; i < 4; i++) {
    theirs = step(theirs)
    const residual = product(x, own, 20, 6, 1).map((value, r) => value - t[r])
    own = own.map((value, l) => value - (0.1 * 2 * each(20, (r) => residual[r] * x[r * 6 + l]).reduce((a, b) => a + b, 0)) / 20)
  }
  await agree(theirs, own)
})

test('jax-js: sorted numbers, and random ones in their range', async () => {
  const x = data(200, 12)
  await agree(jax.numpy.sort(array(x, 200)), x.slice().sort())
  const uniform = (await jax.random.uniform(jax.random.key(3), [1000]).data()) as Float32Array
  expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...uniform)).toBeLessThan(1)
  expect(uniform.reduce((a, b) => a + b, 0) / 1000).toBeCloseTo(0.5, 1)
})
