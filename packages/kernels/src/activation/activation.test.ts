import { expect, test } from 'vitest'
import type { Attributes } from '../operation.js'
import { operations } from '../operations.js'
import { arrayOf, asOn, type Case, randomArray, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'

/** Values in [-9, 9), so that every piece of every function is met. */
function spread(shape: readonly number[]) {
  return { shape, data: randomArray(shape, 3).data.map((value) => 9 * value) }
}

/** Of the functions that are not defined below 0. */
function positive(shape: readonly number[]) {
  return { shape, data: randomArray(shape, 3).data.map((value) => 2.1 + 2 * value) }
}

const attributes: Record<string, Attributes> = {
  Relu: {},
  Clip: { min: -1.5, max: 6 },
  LeakyRelu: { alpha: 0.2 },
  Elu: { alpha: 1.5 },
  Sigmoid: {},
  Tanh: {},
  HardSigmoid: { alpha: 0.15, beta: 0.4 },
  HardSwish: {},
  Silu: {},
  Gelu: {},
  'Gelu tanh': { approximate: 'tanh' },
  Selu: { alpha: 1.6, gamma: 1.1 },
  Celu: { alpha: 0.7 },
  Softplus: {},
  Softsign: {},
  ThresholdedRelu: { alpha: 0.8 },
  Mish: {},
  Shrink: { lambd: 1.3, bias: 0.4 },
  Exp: {},
  Log: {},
  Sqrt: {},
  Reciprocal: {},
  Neg: {},
  Abs: {},
  Sign: {},
  Floor: {},
  Ceil: {},
  Round: {},
  Erf: {},
  Sin: {},
  Cos: {},
}

for (const key of Object.keys(attributes)) {
  const [op] = key.split(' ')
  const cases = (count: number): Case[] =>
    Object.entries({ odd: [1, 3, 5, 7], vectors: [2, 7, 10, 10] }).map(([name, shape]) => ({
      name,
      attributes: attributes[key],
      inputs: Array.from({ length: count }, () => (/^(Log|Sqrt|Reciprocal|Exp)$/.test(op) ? positive(shape) : spread(shape))),
      gradient: /^(Sign|Floor|Ceil|Round)$/.test(op) ? false : undefined,
    }))
  testOperation(operations[op], cases(1), operations)
  if (['Relu', 'Clip', 'Gelu'].includes(key)) {
    const sizes = [1, 2, 3, 4, 7, 8195]
    const wide = (count: number): Case[] =>
      sizes.map((size) => ({
        name: `${size}, as for cpu`,
        attributes: attributes[key],
        inputs: Array(count).fill(spread([size])),
        gradient: false,
      }))
    testOperation(asOn('cpu', operations[op]), wide(1), operations)
    testOperation(asOn('cpu', operations[`${op}Gradient`]), wide(2), operations)
  }
  if (operations[`${op}Gradient`]) testOperation(operations[`${op}Gradient`], cases(2), operations)
}

test('NaN comes out as NaN, infinities as limits', async () => {
  const quiet = [NaN, -Infinity, Infinity, 0]
  const limits: Record<string, number[]> = {
    Relu: [NaN, 0, Infinity, 0],
    Clip: [NaN, -1.5, 6, 0],
    LeakyRelu: [NaN, -Infinity, Infinity, 0],
    Elu: [NaN, -1.5, Infinity, 0],
    Sigmoid: [NaN, 0, 1, 0.5],
    Tanh: [NaN, -1, 1, 0],
    HardSigmoid: [NaN, 0, 1, Math.fround(0.4)],
    Silu: [NaN, NaN, Infinity, 0],
    Gelu: [NaN, NaN, Infinity, 0],
    'Gelu tanh': [NaN, NaN, Infinity, 0],
    Selu: [NaN, Math.fround(-1.1 * 1.6), Infinity, 0],
    Celu: [NaN, Math.fround(-0.7), Infinity, 0],
    Softplus: [NaN, 0, Infinity, Math.fround(Math.LN2)],
    Softsign: [NaN, NaN, NaN, 0],
    ThresholdedRelu: [NaN, 0, Infinity, 0],
    Mish: [NaN, NaN, Infinity, 0],
    Shrink: [NaN, -Infinity, Infinity, 0],
    Exp: [NaN, 0, Infinity, 1],
    Log: [NaN, NaN, Infinity, -Infinity],
    Sqrt: [NaN, NaN, Infinity, 0],
    Reciprocal: [NaN, -0, 0, Infinity],
    Neg: [NaN, Infinity, -Infinity, -0],
    Abs: [NaN, Infinity, Infinity, 0],
    Sign: [NaN, -1, 1, 0],
    Floor: [NaN, -Infinity, Infinity, 0],
    Ceil: [NaN, -Infinity, Infinity, 0],
    Round: [NaN, -Infinity, Infinity, 0],
    Erf: [NaN, -1, 1, 0],
    Sin: [NaN, NaN, NaN, 0],
    Cos: [NaN, NaN, NaN, 1],
  }
  for (const [key, expected] of Object.entries(limits)) {
    for (const x of [arrayOf([4], quiet), arrayOf([5], [...quiet, 0])]) {
      const [y] = await runOperation(await testGpu(), operations[key.split(' ')[0]], attributes[key], [x])
      const values = [...y.data.subarray(0, 4)]
      for (const [i, value] of expected.entries())
        if (!(value === values[i] || (Number.isNaN(value) && Number.isNaN(values[i])) || Math.abs(value - values[i]) < 2e-7))
          expect(values, key).toEqual(expected)
    }
  }
})

test('erf is good to 1e-6 everywhere, Gelu beside its scale', async () => {
  const x = arrayOf(
    [4000],
    Float64Array.from({ length: 4000 }, (_, i) => Math.fround((i - 2000) / 333)),
  )
  for (const op of ['Erf', 'Gelu']) {
    const [y] = await runOperation(await testGpu(), operations[op], {}, [x])
    const [expected] = operations[op].reference({}, [x])
    y.data.forEach((value, i) => expect(Math.abs(value - expected.data[i]), `${op}(${x.data[i]})`).toBeLessThan(1e-6))
  }
})

test('halves are rounded to even', async () => {
  const x = arrayOf([6], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
  const [y] = await runOperation(await testGpu(), operations.Round, {}, [x])
  expect([...y.data].map((value) => value + 0)).toEqual([-2, -2, 0, 0, 2, 2])
})

test('gradients of large values do not overflow', async () => {
  const x = arrayOf([4], [-1e30, -200, 200, 1e30])
  const dy = arrayOf([4], [1, 1, 1, 1])
  for (const [key, expected] of Object.entries({
    Silu: [0, 0, 1, 1],
    Gelu: [0, 0, 1, 1],
    'Gelu tanh': [0, 0, 1, 1],
    Mish: [0, 0, 1, 1],
    Softplus: [0, 0, 1, 1],
  })) {
    const [dx] = await runOperation(await testGpu(), operations[`${key.split(' ')[0]}Gradient`], attributes[key], [x, dy])
    expect(
      [...dx.data].map((value) => Math.round(value * 1e6) / 1e6 + 0),
      key,
    ).toEqual(expected)
  }
})

test('the gradient at NaN is NaN where there is no kink', async () => {
  for (const key of [
    'Sigmoid',
    'Tanh',
    'Silu',
    'Gelu',
    'Gelu tanh',
    'Softplus',
    'Softsign',
    'Mish',
    'Exp',
    'Log',
    'Sqrt',
    'Reciprocal',
    'Erf',
    'Sin',
    'Cos',
  ]) {
    const operation = operations[`${key.split(' ')[0]}Gradient`]
    const [dx] = await runOperation(await testGpu(), operation, attributes[key], [
      arrayOf([4], [NaN, 1, 1, NaN]),
      arrayOf([4], [1, 1, 1, 1]),
    ])
    expect([...dx.data].map(Number.isNaN), key).toEqual([true, false, false, true])
  }
})

test('a bound that is no number is refused', () => {
  expect(() => operations.Clip.infer({ min: 'zero' }, [[2]])).toThrow("Clip: attribute 'min' must be a number, found zero")
})
