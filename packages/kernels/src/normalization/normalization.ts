import { axisIn, expectShape, inputShape, integerAttribute, numberAttribute, show } from '../checks.js'
import { type Attributes, elements, type Operation, type Shape } from '../operation.js'
import { normalizeRows, normalizeRowsGradient } from './normalization.reference.js'
import { normalizeDispatches, normalizeGradientDispatches, type Rows } from './rows.js'

const epsilonOf = (op: string, attributes: Attributes) => numberAttribute(op, attributes, 'epsilon', 1e-5)
const gradientOp = 'RowNormalizationGradient'

/** y = (x - mean) / sqrt(variance + epsilon) * scale + bias by rows, `viewOf` telling what a row is. */
function normalization(op: string, viewOf: (attributes: Attributes, x: Shape) => Rows): Operation {
  const viewed = (attributes: Attributes, x: Shape) => ({ view: viewOf(attributes, x), epsilon: epsilonOf(op, attributes) })
  return {
    op,
    infer(attributes, inputs) {
      const x = inputShape(op, inputs, 0, 'x')
      const { view } = viewed(attributes, x)
      const scale = inputShape(op, inputs, 1, 'scale')
      if (elements(scale) !== view.affine) throw new Error(`${op}: scale must have ${view.affine} elements, found ${show(scale)}`)
      if (inputs[2]) expectShape(op, 'bias', inputs[2], scale)
      return [[...x]]
    },
    dispatches(attributes, [x, scale, bias], [y], target) {
      const { view, epsilon } = viewed(attributes, x!.shape)
      return normalizeDispatches(x!, scale!, bias, y, view, epsilon, target)
    },
    reference(attributes, [x, scale, bias]) {
      const { view, epsilon } = viewed(attributes, x!.shape)
      return [normalizeRows(x!, scale!, bias, view, epsilon)]
    },
    gradient({ attributes, inputs: [x, scale], inputShapes }, [dy], emit) {
      const { view, epsilon } = viewed(attributes, inputShapes[0]!)
      return emit(gradientOp, { length: view.length, inner: view.inner, epsilon }, [x, dy, scale])
    },
  }
}

function spatial(op: string, x: Shape): number {
  if (x.length < 3) throw new Error(`${op}: x must have at least 3 dimensions [N, C, ...], found ${show(x)}`)
  return elements(x.slice(2))
}

/** InstanceNormalization(x [N, C, ...], scale [C], bias [C]) {epsilon} -> y: every plane by itself. */
export const instanceNormalization = normalization('InstanceNormalization', (_, x) => {
  const inner = spatial('InstanceNormalization', x)
  return { rows: x[0] * x[1], length: inner, inner, affine: x[1] }
})

/** GroupNormalization(x [N, C, ...], scale [C], bias [C]) {num_groups, epsilon} -> y, as ONNX opset 21's: each image's C / num_groups channels together. */
export const groupNormalization = normalization('GroupNormalization', (attributes, x) => {
  const op = 'GroupNormalization'
  const inner = x.length === 2 ? 1 : spatial(op, x)
  const groups = integerAttribute(op, attributes, 'num_groups', undefined, 1)
  if (x[1] % groups) throw new Error(`${op}: ${x[1]} channels do not divide into ${groups} groups`)
  return { rows: x[0] * groups, length: (x[1] / groups) * inner, inner, affine: x[1] }
})

/** LayerNormalization(x, scale, bias?) {axis = -1, epsilon} -> y: over the dimensions from `axis` on, each element of them with a scale of its own. */
export const layerNormalization = normalization('LayerNormalization', (attributes, x) => {
  const op = 'LayerNormalization'
  const axis = axisIn(op, integerAttribute(op, attributes, 'axis', -1), x.length)
  const length = elements(x.slice(axis))
  return { rows: elements(x) / length, length, inner: 1, affine: length }
})

/** RowNormalizationGradient(x, dy, scale) {length of a row, inner, epsilon} -> dx, dscale, dbias, for all of the above (rows.ts). */
export const rowNormalizationGradient: Operation = {
  op: gradientOp,
  infer(_, inputs) {
    const x = inputShape(gradientOp, inputs, 0, 'x')
    expectShape(gradientOp, 'dy', inputs[1], x)
    const scale = inputShape(gradientOp, inputs, 2, 'scale')
    return [[...x], [...scale], [...scale]]
  },
  dispatches(attributes, [x, dy, scale], outputs, target) {
    const view = viewOfGradient(attributes, x!.shape, scale!.shape)
    return normalizeGradientDispatches(x!, dy!, scale!, outputs, view, epsilonOf(gradientOp, attributes), target)
  },
  reference(attributes, [x, dy, scale]) {
    const view = viewOfGradient(attributes, x!.shape, scale!.shape)
    return normalizeRowsGradient(x!, dy!, scale!, view, epsilonOf(gradientOp, attributes))
  },
}

function viewOfGradient(attributes: Attributes, x: Shape, scale: Shape): Rows {
  const length = integerAttribute(gradientOp, attributes, 'length', undefined, 1)
  return {
    rows: elements(x) / length,
    length,
    inner: integerAttribute(gradientOp, attributes, 'inner', undefined, 1),
    affine: elements(scale),
  }
}

export const normalizationOperations: readonly Operation[] = [
  instanceNormalization,
  groupNormalization,
  layerNormalization,
  rowNormalizationGradient,
]
