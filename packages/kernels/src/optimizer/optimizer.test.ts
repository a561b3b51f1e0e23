import { operations } from '../operations.js'
import { arrayOf, randomArray, testOperation } from '../testing/cases.js'
import { adamUpdate, sgdUpdate } from './optimizer.js'

const squared = (shape: readonly number[]) => ({ shape, data: randomArray(shape, 8).data.map((value) => value * value) })

testOperation(
  sgdUpdate,
  [1, 7, 1028].flatMap((n) =>
    [0, 1].map((nesterov) => ({
      name: `${n} values, nesterov ${nesterov}`,
      attributes: {},
      inputs: [[n], [n], [n], arrayOf([4], [0.1, 0.9, 5e-4, nesterov])],
    })),
  ),
  operations,
)

testOperation(
  adamUpdate,
  [
    { n: 5, step: 1 },
    { n: 2052, step: 10 },
  ].map(({ n, step }) => ({
    name: `${n} values, step ${step}`,
    attributes: {},
    inputs: [[n], [n], [n], squared([n]), arrayOf([8], [1e-3, 0.9, 0.999, 1e-8, 0.01, step, 0, 0])],
  })),
  operations,
)
