/** What opset 17 has no operator for, in operators that it has. */
import type { Node } from '../graph.js'

export interface Lowering {
  /** A scalar as a tensor. */
  constant(name: string, value: number): string
  /** A name that nothing has. */
  tensor(name: string): string
}

/** Adds a node and returns its output. */
type Add = (op: string, ...inputs: (string | number)[]) => string

/** x (1 + y) / 2 */
const gated = (add: Add, x: string, y: string): string => add('Mul', add('Mul', x, add('Add', y, 1)), 0.5)

const rules: Readonly<Record<string, (x: string, node: Node, add: Add) => void>> = {
  Silu: (x, _, add) => add('Mul', x, add('Sigmoid', x)),
  Mish: (x, _, add) => add('Mul', x, add('Tanh', add('Softplus', x))),
  Gelu(x, node, add) {
    if (node.attributes.approximate !== 'tanh') return gated(add, x, add('Erf', add('Mul', x, Math.SQRT1_2)))
    const cube = add('Mul', add('Mul', x, x), x)
    return gated(add, x, add('Tanh', add('Mul', add('Add', x, add('Mul', cube, 0.044715)), Math.sqrt(2 / Math.PI))))
  },
}

/** The node itself, or nodes of opset 17 that compute the same, the last of which has its name and output. */
export function lower(node: Node, { constant, tensor }: Lowering): readonly Node[] {
  if (!Object.hasOwn(rules, node.op)) return [node]
  const nodes: Node[] = []
  rules[node.op](node.inputs[0], node, (op, ...inputs) => {
    const name = `${node.name}/${nodes.length}`
    const output = tensor(name)
    const named = inputs.map((input) => (typeof input === 'number' ? constant(`${name}.value`, input) : input))
    nodes.push({ name, op, inputs: named, outputs: [output], attributes: {} })
    return output
  })
  const last = nodes.pop()!
  return [...nodes, { ...last, name: node.name, outputs: node.outputs }]
}
