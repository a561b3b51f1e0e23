import { operations } from '../operations.js'
import { asOn, type Case, testOperation } from '../testing/cases.js'
import { channelSum } from './channel-sum.js'

const shapes = [[33, 3, 1], [2, 37, 1], [5, 1, 1], ...[2, 3, 4, 5, 7, 16, 18, 35].map((space) => [3, 5, space])]
const cases = shapes.map((shape): Case => ({ name: `${shape.join(' x ')}, as for cpu`, attributes: { scale: 0.5 }, inputs: [shape] }))
testOperation(asOn('cpu', channelSum), cases, operations)
