import { operations } from '../operations.js'
import { arrayOf, randomArray, testOperation } from '../testing/cases.js'
import { countCorrect } from './accuracy.js'

const nan = Number.NaN
const integers = { integerInputs: [1, 2, 3] }
testOperation(
  countCorrect,
  [
    {
      name: 'ties go to the lowest index, NaN never counts, infinities do',
      attributes: {},
      inputs: [
        arrayOf([6, 3], [1, 1, 0, 1, 1, 0, nan, 0, 0, 0, nan, 9, Number.POSITIVE_INFINITY, 0, 0, 1, 2, 3]),
        arrayOf([6], [0, 1, 0, 2, 0, 2]),
        arrayOf([1], [5]),
      ],
      ...integers,
    },
    {
      name: 'the highest two, with ties',
      attributes: { k: 2 },
      inputs: [
        arrayOf([6, 3], [1, 1, 1, 1, 1, 1, nan, 9, 0, 1, 2, 3, 1, 2, 3, 1, 2, 3]),
        arrayOf([6], [1, 2, 1, 0, 1, 2]),
        arrayOf([1], [5]),
      ],
      ...integers,
    },
    {
      name: 'more than there are classes',
      attributes: { k: 9 },
      inputs: [randomArray([5, 3], 3), arrayOf([5], [0, 1, 2, 0, 7]), arrayOf([1], [0])],
      ...integers,
    },
    {
      name: 'several candidates, a last batch of which 3 are valid',
      attributes: {},
      inputs: [randomArray([35, 7], 3), arrayOf([5], [0, 1, 2, 3, 4]), arrayOf([7], [0, 1, 2, 3, 4, 5, 6]), arrayOf([1], [3])],
      ...integers,
    },
  ],
  operations,
)
