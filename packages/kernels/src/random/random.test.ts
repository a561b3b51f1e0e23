import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, testOperation } from '../testing/cases.js'
import { philox4x32 } from './philox.js'
import { randomNormal, randomUniform } from './random.js'

const counter = arrayOf([2], [20261121, 7])
testOperation(
  randomUniform,
  [[1], [7, 3], [2, 3, 5, 7]].map((shape) => ({
    name: `[${shape}]`,
    attributes: { shape },
    inputs: [counter],
    integerInputs: [0],
    tolerance: 0,
  })),
  operations,
)
// sin, cos and log of WGSL are good to about 2^-11 absolute at worst; adapters do far better.
testOperation(
  randomNormal,
  [{ name: 'normal', attributes: { shape: [4099] }, inputs: [counter], integerInputs: [0], tolerance: 5e-4 }],
  operations,
)

test("Philox 4x32-10 gives Random123's known answers", () => {
  const f = 0xffffffff
  expect(philox4x32([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
  expect(philox4x32([f, f, f, f], [f, f])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
  expect(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
  ])
})

test('normal values have mean 0 and variance 1', () => {
  const [{ data }] = randomNormal.reference({ shape: [20000] }, [counter])
  const mean = data.reduce((a, b) => a + b) / data.length
  expect(Math.abs(mean)).toBeLessThan(0.02)
  expect(Math.abs(data.reduce((sum, x) => sum + x * x, 0) / data.length - 1)).toBeLessThan(0.03)
})
