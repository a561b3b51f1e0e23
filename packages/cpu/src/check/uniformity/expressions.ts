import { type Expression, type Func, WgslError } from '../program.js'
import { edge, node, require, varying } from './graph.js'
import { type Held, heldBy, type Root, type State } from './state.js'

/** Control flow after an expression, and its value. */
export interface Outcome extends Held {
  readonly flow: number
}

/** @param flow the control flow it is evaluated in */
export function analyse(state: State, flow: number, expression: Expression): Outcome {
  const { graph } = state
  switch (expression.op) {
    case 'literal':
    case 'override':
      return { flow, node: flow }
    case 'value': {
      const held = state.values.get(expression.value)!
      return { flow, node: node(graph, flow, held.node), root: held.root }
    }
    case 'variable':
      return { flow, node: flow, root: expression.variable }
    case 'load': {
      const from = analyse(state, flow, expression.from)
      return { flow: from.flow, node: node(graph, from.node, contentOf(state, from, expression.from)) }
    }
    case 'member':
    case 'swizzle':
      return analyse(state, flow, expression.base)
    case 'index': {
      const base = analyse(state, flow, expression.base)
      const index = analyse(state, base.flow, expression.index)
      return { flow: index.flow, node: node(graph, base.node, index.node), root: base.root }
    }
    case 'address-of':
      return analyse(state, flow, expression.of)
    case 'dereference':
      return analyse(state, flow, expression.pointer)
    case 'unary':
      return analyse(state, flow, expression.operand)
    case 'convert':
    case 'bitcast':
      return analyse(state, flow, expression.argument)
    case 'binary': {
      const left = analyse(state, flow, expression.left)
      // The right side of && and || is evaluated where the left says so.
      const short = expression.operator === '&&' || expression.operator === '||'
      const right = analyse(state, short ? left.node : left.flow, expression.right)
      return { flow: short ? left.flow : right.flow, node: node(graph, left.node, right.node) }
    }
    case 'construct':
      return all(state, flow, expression.arguments).outcome
    case 'builtin':
      return analyseBuiltin(state, flow, expression)
    case 'call':
      return analyseCall(state, flow, expression.function, expression.arguments, expression)
  }
}

function all(state: State, flow: number, list: readonly Expression[]): { outcome: Outcome; values: Outcome[] } {
  let now = flow
  const values = list.map((argument) => {
    const value = analyse(state, now, argument)
    now = value.flow
    return value
  })
  return { values, outcome: { flow: now, node: node(state.graph, now, ...values.map((value) => value.node)) } }
}

/** What is behind a reference or pointer. */
function contentOf(state: State, { root }: Held, expression: Expression): number {
  const held = root && heldBy(state.frame, root)
  if (held !== undefined) return held
  const readOnly = root && spaceOf(root) !== undefined && accessOf(root) === 'read'
  if (readOnly) return node(state.graph)
  const content = node(state.graph, varying)
  state.graph.labels.set(content, { text: root ? `'${root.name}', which invocations may change,` : 'this', position: expression.position })
  return content
}

function spaceOf(root: Root): string | undefined {
  if (root.kind === 'variable') return root.space
  return root.type.kind === 'pointer' ? root.type.space : undefined
}

function accessOf(root: Root): string | undefined {
  if (root.kind === 'variable') return root.access
  return root.type.kind === 'pointer' ? root.type.access : undefined
}

const barriers = ['workgroupBarrier', 'storageBarrier', 'textureBarrier', 'workgroupUniformLoad']

function analyseBuiltin(state: State, flow: number, call: Extract<Expression, { op: 'builtin' }>): Outcome {
  const { graph } = state
  const { outcome, values } = all(state, flow, call.arguments)
  const cause = { text: `'${call.name}'`, position: call.position }
  if (barriers.includes(call.name)) require(graph, outcome.flow, cause)
  if (call.name === 'workgroupUniformLoad') {
    require(graph, values[0].node, cause)
    return { flow: outcome.flow, node: outcome.flow }
  }
  if (call.name.startsWith('atomic')) {
    const result = node(graph, varying)
    graph.labels.set(result, { text: `the result of '${call.name}'`, position: call.position })
    return { flow: outcome.flow, node: result }
  }
  return outcome
}

function analyseCall(state: State, flow: number, called: Func, list: readonly Expression[], call: Expression): Outcome {
  const { graph } = state
  const { outcome, values } = all(state, flow, list)
  const summary = state.summaries.get(called)
  if (!summary) throw new WgslError(`'${called.name}' calls itself`, call.position)
  const through = (cause: string) => ({ text: `${cause} in '${called.name}'`, position: call.position })
  if (summary.required) require(graph, outcome.flow, through(summary.required.text))
  const result = node(graph, outcome.flow)
  if (summary.varies) {
    const own = node(graph, varying)
    graph.labels.set(own, { text: `the result of '${called.name}'`, position: call.position })
    edge(graph, result, own)
  }
  const contents = values.map((value, i) => (list[i].type.kind === 'pointer' ? contentOf(state, value, list[i]) : undefined))
  const after = new Map<Root, number>()
  for (const [i, parameter] of summary.parameters.entries()) {
    const content = contents[i]
    if (parameter.required) require(graph, values[i].node, through(parameter.required.text))
    if (parameter.contentRequired && content !== undefined) require(graph, content, through(parameter.contentRequired.text))
    if (parameter.inResult) edge(graph, result, values[i].node)
    if (parameter.contentInResult && content !== undefined) edge(graph, result, content)
    const { root } = values[i]
    if (!root || heldBy(state.frame, root) === undefined) continue
    const output = node(graph, outcome.flow)
    if (parameter.varies) {
      const own = node(graph, varying)
      graph.labels.set(own, { text: `what '${called.name}' writes to '${root.name}'`, position: call.position })
      edge(graph, output, own)
    }
    // A pointer to a part leaves the rest as it was.
    if (content !== undefined && !isWhole(state, list[i])) edge(graph, output, content)
    for (const from of parameter.from) edge(graph, output, values[from].node)
    for (const from of parameter.fromContents) if (contents[from] !== undefined) edge(graph, output, contents[from])
    after.set(root, output)
  }
  for (const [root, held] of after) state.frame.own.set(root, held)
  return { flow: outcome.flow, node: result }
}

/** Whether a pointer or reference is to all of its variable. */
export function isWhole(state: State, expression: Expression): boolean {
  switch (expression.op) {
    case 'variable':
      return true
    case 'value':
      return state.values.get(expression.value)?.whole === true
    case 'address-of':
      return isWhole(state, expression.of)
    case 'dereference':
      return isWhole(state, expression.pointer)
    default:
      return false
  }
}
