import { operations } from '../operations.js'
import { arrayOf, asOn, randomArray, testOperation } from '../testing/cases.js'
import { adamUpdate, sgdUpdate } from './optimizer.js'

const keep = (n: number) =>
  arrayOf(
    [n],
    Array.from({ length: n }, (_, i) => (i % 3 === 1 ? 0 : 1)),
  )
const squared = (shape: readonly number[]) => ({ shape, data: randomArray(shape, 8).data.map((value) => value * value) })

const sgdCases = [1, 7, 1028].flatMap((n) =>
  [0, 1].flatMap((nesterov) =>
    [[], [keep(n)]].map((mask) => ({
      name: `${n} values, nesterov ${nesterov}, ${mask.length ? 'some kept at 0' : 'all free'}`,
      attributes: {},
      inputs: [[n], [n], [n], arrayOf([4], [0.1, 0.9, 5e-4, nesterov]), ...mask],
    })),
  ),
)
const adamCases = [
  { n: 5, step: 1, mask: [] },
  { n: 2052, step: 10, mask: [] },
  { n: 2052, step: 3, mask: [keep(2052)] },
  { n: 7, step: 3, mask: [keep(7)] },
].map(({ n, step, mask }) => ({
  name: `${n} values, step ${step}, ${mask.length ? 'some kept at 0' : 'all free'}`,
  attributes: {},
  inputs: [[n], [n], [n], squared([n]), arrayOf([8], [1e-3, 0.9, 0.999, 1e-8, 0.01, step, 0, 0]), ...mask],
}))
testOperation(sgdUpdate, sgdCases, operations)
testOperation(adamUpdate, adamCases, operations)

const named = <C extends { name: string }>(cases: readonly C[]) => cases.map((c) => ({ ...c, name: `${c.name}, as for cpu` }))
testOperation(asOn('cpu', sgdUpdate), named(sgdCases), operations)
testOperation(asOn('cpu', adamUpdate), named(adamCases), operations)
