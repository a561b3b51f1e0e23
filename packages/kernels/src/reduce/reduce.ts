import { axisIn, broadcastShapes, expectShape, inputShape, integerAttribute, integersAttribute, shapeAttribute, show } from '../checks.js'
import { binaryDispatch } from '../elementwise/elementwise.js'
import nan from '../nan.wgsl'
import {
  type Attributes,
  type Call,
  type Dispatch,
  type Emit,
  elements,
  type Operation,
  type Shader,
  type Shape,
  scratch,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import { bothWidths, widthOf } from '../vectors.js'
import { reduceOver, reductions, sumOver } from './reduce.reference.js'
import reduce from './reduce.wgsl'
import reductionCode from './reduction.wgsl'
import rows from './rows.wgsl'

const shader = bothWidths('reduce', reduce + nan + reductionCode, ['read', 'write'])
const rowsShader: Shader = { name: 'reduce.rows', code: rows + nan + reductionCode, access: ['read', 'write'] }

/** What the kernels do before, while and after they go over the elements, in the order of their overrides. */
interface Reduction {
  readonly combine?: 'sum' | 'max' | 'min' | 'product'
  readonly before?: 'nothing' | 'abs' | 'square' | 'exp'
  readonly after?: 'scale' | 'sqrt' | 'log' | 'finite'
  /** For `scale`; 1 when absent. */
  readonly factor?: number
}
const combinations = ['sum', 'max', 'min', 'product']
const befores = ['nothing', 'abs', 'square', 'exp']
const afters = ['scale', 'sqrt', 'log', 'finite']

interface Step {
  readonly outer: number
  readonly reduced: number
  readonly parts: number
  readonly inner: number
  /** 'rows': an invocation goes along a whole row. */
  readonly width: 1 | 4 | 'rows'
}

/** One run [outer, reduced, inner] -> [outer, inner] as one or two dispatches' worth of steps. */
function stepsFor(outer: number, reduced: number, inner: number, target: Target): Step[] {
  if (inner === 1 && reduced % 4 === 0 && reduced <= 4096 && outer >= 512 && target.kind !== 'hardware')
    return [{ outer, reduced, parts: 1, inner, width: 'rows' }]
  // Rows along memory are read four at a time; the four sums are left to the next step.
  if (inner === 1 && reduced >= 32 && reduced % 4 === 0)
    return [...stepsFor(outer, reduced / 4, 4, target), ...stepsFor(outer, 4, 1, target)]
  const width = widthOf(inner)
  const wanted = target.kind === 'hardware' ? 65536 : 256
  const parts = Math.min(Math.ceil(reduced / 16), Math.max(Math.ceil(reduced / 1024), Math.ceil((wanted * width) / (outer * inner))))
  const step = { outer, reduced, parts, inner, width }
  return parts === 1 ? [step] : [step, ...stepsFor(outer, parts, inner, target)]
}

/** y = x reduced over the dimensions of its shape where `kept` is 1. Runs of reduced dimensions go one after the other, the innermost first. */
function reduceDispatches(x: Tensor, y: Tensor, kept: Shape, reduction: Reduction, target: Target): Dispatch[] {
  const { combine = 'sum', before = 'nothing', after = 'scale', factor = 1 } = reduction
  const padded = x.shape.map((_, axis) => kept[axis - x.shape.length + kept.length] ?? 1)
  const steps: Step[] = []
  let inner = 1
  let run = 1
  for (let axis = x.shape.length - 1; axis >= -1; axis--) {
    const isReduced = axis >= 0 && padded[axis] === 1
    if (isReduced) run *= x.shape[axis]
    else {
      if (run > 1) steps.push(...stepsFor(elements(x.shape.slice(0, axis + 1)), run, inner, target))
      run = 1
      if (axis >= 0) inner *= x.shape[axis]
    }
  }
  if (!steps.length) steps.push({ outer: 1, reduced: 1, parts: 1, inner: elements(x.shape), width: widthOf(elements(x.shape)) })
  let source = x
  return steps.map(({ outer, reduced, parts, inner: columns, width }, i) => {
    const last = i === steps.length - 1
    const into = last ? y : scratch(`sums ${i}`, [outer, parts, columns])
    const isRows = width === 'rows'
    const count = isRows ? outer : (outer * parts * columns) / width
    const dispatch = {
      shader: isRows ? rowsShader : shader[width],
      constants: {
        COMBINE: combinations.indexOf(combine),
        BEFORE: i === 0 ? befores.indexOf(before) : 0,
        AFTER: last ? afters.indexOf(after) : 0,
      },
      operands: [source, into],
      params: { u32: isRows ? [count, reduced / 4] : [count, reduced, parts, columns / width], f32: [last ? factor : 1] },
      workgroups: workgroups1d(count, 64, target),
    }
    source = into
    return dispatch
  })
}

/** y = factor x (sum of x over the dimensions of its shape where `kept` is 1). */
export function sumDispatches(x: Tensor, y: Tensor, kept: Shape, factor: number, target: Target): Dispatch[] {
  return reduceDispatches(x, y, kept, { factor }, target)
}

/** SumTo(x) {shape} -> y: sums x over the dimensions along which `shape` would broadcast to it. */
export const sumTo: Operation = {
  op: 'SumTo',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const shape = shapeAttribute(this.op, attributes, 'shape')
    expectShape(this.op, `x, for ${show(shape)} to broadcast to it,`, x, broadcastShapes(this.op, x, shape))
    return [[...shape]]
  },
  dispatches: (_, [x], [y], target) => sumDispatches(x!, y, y.shape, 1, target),
  reference: (attributes, [x]) => [sumOver(x!, shapeAttribute('SumTo', attributes, 'shape'), 1)],
  gradient: (call, [dy], emit) => emit('Expand', { shape: call.inputShapes[0]! }, [dy]),
}

/** x's shape with 1 for the reduced dimensions, the result's shape, and how many elements each sum has. */
function reducedShapes(op: string, attributes: Attributes, x: Shape): { kept: number[]; result: number[]; count: number } {
  const axes = new Set(
    integersAttribute(
      op,
      attributes,
      'axes',
      x.map((_, i) => i),
    ).map((axis) => axisIn(op, axis, x.length)),
  )
  const kept = x.map((dimension, axis) => (axes.has(axis) ? 1 : dimension))
  const squeezed = kept.filter((_, axis) => !axes.has(axis))
  const result = integerAttribute(op, attributes, 'keepdims', 1) !== 0 ? kept : squeezed.length ? squeezed : [1]
  return { kept, result, count: elements(x) / elements(kept) }
}

function scaledSum(op: string, factorOf: (count: number) => number): Operation {
  return {
    op,
    infer: (attributes, inputs) => [reducedShapes(op, attributes, inputShape(op, inputs, 0, 'x')).result],
    dispatches(attributes, [x], [y], target) {
      const { kept, count } = reducedShapes(op, attributes, x!.shape)
      return sumDispatches(x!, y, kept, factorOf(count), target)
    },
    reference(attributes, [x]) {
      const { kept, result, count } = reducedShapes(op, attributes, x!.shape)
      return [{ shape: result, data: sumOver(x!, kept, factorOf(count)).data }]
    },
    gradient(call, [dy], emit) {
      const x = call.inputShapes[0]!
      const { kept, count } = reducedShapes(op, call.attributes, x)
      const [scaled] = emit('Scale', { factor: factorOf(count) }, [dy])
      return emit('Expand', { shape: x }, emit('Reshape', { shape: kept }, [scaled]))
    },
  }
}

/** ReduceMean and ReduceSum(x) {axes (all when absent), keepdims} -> y */
export const reduceMean = scaledSum('ReduceMean', (count) => 1 / count)
export const reduceSum = scaledSum('ReduceSum', () => 1)

/** dx of x's shape, from x, y and dy with the reduced dimensions kept as 1. */
type Gradient = (x: string, y: string, dy: string, emit: Emit, call: Call) => string

function reducing(op: keyof typeof reductions, reduction: Reduction, gradient?: Gradient): Operation {
  return {
    op,
    infer: (attributes, inputs) => [reducedShapes(op, attributes, inputShape(op, inputs, 0, 'x')).result],
    dispatches: (attributes, [x], [y], target) => reduceDispatches(x!, y, reducedShapes(op, attributes, x!.shape).kept, reduction, target),
    reference(attributes, [x]) {
      const { kept, result } = reducedShapes(op, attributes, x!.shape)
      return [{ shape: result, data: reduceOver(x!, kept, reductions[op]).data }]
    },
    gradient:
      gradient &&
      ((call, [dy], emit) => {
        const { kept } = reducedShapes(op, call.attributes, call.inputShapes[0]!)
        const [y, d] = [call.outputs[0], dy].map((name) => emit('Reshape', { shape: kept }, [name])[0])
        return [gradient(call.inputs[0]!, y, d, emit, call)]
      }),
  }
}

/** Those equal to the extremum share its gradient evenly, as in PyTorch's amax. */
const toExtrema: Gradient = (x, y, dy, emit, call) => {
  const [hits] = emit('IsEqual', {}, [x, y])
  const [count] = emit('ReduceSum', { ...call.attributes, keepdims: 1 }, [hits])
  return emit('Mul', {}, [hits, emit('Div', {}, [dy, count])[0]])[0]
}

const logSumExp = reducing('ReduceLogSumExp', {}, (x, y, dy, emit) => {
  const [share] = emit('Exp', {}, emit('Sub', {}, [x, y]))
  return emit('Mul', {}, [share, dy])[0]
})

/** The others of ONNX: {axes (all when absent), keepdims}, as ReduceMean. ReduceProd has no gradient. */
export const otherReductions: readonly Operation[] = [
  reducing('ReduceMax', { combine: 'max' }, toExtrema),
  reducing('ReduceMin', { combine: 'min' }, toExtrema),
  reducing('ReduceProd', { combine: 'product' }),
  reducing('ReduceL1', { before: 'abs' }, (x, _, dy, emit) => emit('Mul', {}, [emit('Sign', {}, [x])[0], dy])[0]),
  // 0 for a row of zeros
  reducing('ReduceL2', { before: 'square', after: 'sqrt' }, (x, y, dy, emit) => emit('Mul', {}, [x, emit('DivOrZero', {}, [dy, y])[0]])[0]),
  reducing('ReduceSumSquare', { before: 'square' }, (x, _, dy, emit) => emit('Mul', {}, [x, emit('Scale', { factor: 2 }, [dy])[0]])[0]),
  reducing('ReduceLogSum', { after: 'log' }, (_x, y, dy, emit, call) => {
    const [quotient] = emit('Div', {}, [dy, emit('Exp', {}, [y])[0]])
    return emit('Expand', { shape: call.inputShapes[0]! }, [quotient])[0]
  }),
  {
    ...logSumExp,
    dispatches(attributes, [x], [y], target) {
      const { kept } = reducedShapes('ReduceLogSumExp', attributes, x!.shape)
      const [most, sum, shifted] = [scratch('most', kept), scratch('log sum', kept), scratch('shifted', x!.shape)]
      return [
        ...reduceDispatches(x!, most, kept, { combine: 'max', after: 'finite' }, target),
        binaryDispatch('Sub', x!, most, shifted, target),
        ...reduceDispatches(shifted, sum, kept, { before: 'exp', after: 'log' }, target),
        binaryDispatch('Add', sum, most, y, target),
      ]
    },
  },
]
