/** An ONNX file to a `Graph`. */
import { InputError } from '../errors.js'
import type { Graph, Node, TensorData } from '../graph.js'
import { createNames } from '../names.js'
import { badNumber } from './parameters.js'
import { type Reading, readWithBatch } from './reading.js'
import { type ImportOptions, readSource, type Source } from './source.js'
import { turnedBack, withFewerTransposes } from './transposes.js'

/**
 * Reads an ONNX model of opset 6 to 22. In the graph that comes back
 *
 * - the batch is free ('N'), also where the file fixes it, unless its operations mix images;
 * - every attribute is explicit; constants that are parameters (bounds, axes, shapes) are attributes;
 * - constant nodes are initialisers, what can be computed from constants and shapes is computed, Identity and Dropout are gone;
 * - Transposes that undo one another, with what works on any order of axes between them, are gone;
 * - half and double precision are float32; unused initialisers and nodes are gone; every node has a name of its own.
 *
 * An operation need not be one that Espalier runs. Throws an InputError with file, node or tensor, expected and found for bytes that
 * are no such model, and for what a Graph cannot hold (control flow, other domains, training forms, parameters computed at run time).
 */
export async function importOnnx(bytes: Uint8Array, options: ImportOptions = {}): Promise<Graph> {
  const source = await readSource(bytes, options)
  return assemble(source, withoutSandwiches(source, readWithBatch(source)))
}

/** The same network with fewer Transposes, where its exporter wrote them around layers. */
function withoutSandwiches(source: Source, reading: Reading): Reading {
  const known = new Map(reading.known)
  const free = createNames(new Set([...known.keys(), ...reading.aliases.keys()]))
  const constantOf = (name: string) => {
    const lanes = known.get(name)
    return lanes?.every(({ constant }) => constant === lanes[0].constant) ? lanes[0].constant : undefined
  }
  const { nodes, aliases } = withFewerTransposes(reading.nodes, {
    outputs: source.outputs.map(({ name }) => reading.aliases.get(name) ?? name),
    constant: constantOf,
    addConstant(wanted, constant) {
      const name = free(wanted)
      const lane = { shape: constant.dims, type: constant.type, constant }
      known.set(
        name,
        reading.batches.map(() => lane),
      )
      return name
    },
    addTensor(wanted, perm) {
      const name = free(`${wanted}/channels first`)
      const lanes = known.get(wanted)!
      known.set(
        name,
        lanes.map(({ shape, type }) => ({ shape: perm && shape && turnedBack(shape, perm), type })),
      )
      return name
    },
  })
  if (aliases.size === 0) return { ...reading, nodes, known }
  const all = new Map([...reading.aliases].map(([name, target]) => [name, aliases.get(target) ?? target]))
  return { ...reading, nodes, known, aliases: new Map([...all, ...aliases]) }
}

function assemble(source: Source, reading: Reading): Graph {
  const { file, outputs, metadata } = source
  const { aliases, batches } = reading
  const known = new Map(reading.known)
  let nodes = [...reading.nodes]
  const names = new Set(outputs.map(({ name }) => name))
  const made = new Set(nodes.flatMap((node) => node.outputs))
  const renamed = new Map<string, string>()
  const added: Node[] = []
  // An output that was another name for a tensor gives that tensor its name; where that cannot be, an Identity remains.
  for (const { name } of outputs) {
    const target = aliases.get(name) ?? name
    if (!known.has(target)) throw new InputError('is not computed by any node', { file, field: `output '${name}'` })
    const produced = made.has(target)
    if (target === name && produced) continue
    if (target === name) {
      // What folded to a constant gets a name of its own, so that an Identity can give it as the output.
      if (!known.get(name)!.every(({ constant }) => constant))
        throw new InputError('is not computed', { file, field: `output '${name}'`, expected: 'the output of a node', found: 'an input' })
      known.set(`${name}/constant`, known.get(name)!)
      added.push(identity(`${name}/constant`, name))
    } else if (produced && !names.has(target)) {
      names.add(target)
      renamed.set(target, name)
    } else added.push(identity(target, name))
  }
  const rename = (tensor: string) => renamed.get(tensor) ?? tensor
  nodes = [...nodes, ...added].map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }))

  const live = new Set(outputs.map(({ name }) => name))
  const kept = nodes
    .reverse()
    .filter((node) => {
      if (!node.outputs.some((output) => live.has(output))) return false
      for (const input of node.inputs) live.add(input)
      return true
    })
    .reverse()

  const initializers = new Map<string, TensorData>()
  for (const node of kept)
    for (const input of node.inputs) {
      const lanes = known.get(input)
      const constant = lanes?.[0].constant
      if (!constant || initializers.has(input)) continue
      if (lanes.some((lane) => lane.constant !== constant))
        throw new InputError('cannot be imported', {
          file,
          field: `node '${node.name}' (${node.op})`,
          expected: 'constants that do not depend on the batch size',
          found: `'${input}', which does`,
        })
      initializers.set(input, constant.dims.length === 0 ? { ...constant, dims: [1] } : constant)
    }

  const bad = badNumber({ nodes: kept, initializers })
  if (bad) {
    const { tensor, index, expected, found } = bad
    throw new InputError('cannot be computed with', { file, field: `tensor '${tensor}', index ${index}`, expected, found })
  }

  const symbolic = (name: string): readonly (number | string)[] => {
    const lanes = known.get(aliases.get(name) ?? name)
    const [first] = lanes ?? []
    if (!first?.shape)
      throw new InputError('shape unknown', {
        file,
        field: `output '${name}'`,
        expected: 'a shape in the file, where the operations before it are unknown',
        found: 'none',
      })
    return first.shape.map((size, axis) => {
      if (lanes!.every(({ shape }) => shape?.[axis] === size)) return size
      const multiple = size / batches[0]
      return multiple === 1 ? 'N' : `${multiple}N`
    })
  }
  return {
    name: source.name,
    inputs: source.inputs.map(({ name, type }) => ({ name, shape: symbolic(name), type })),
    outputs: outputs.map(({ name }) => ({
      name,
      shape: symbolic(name),
      type: known.get(aliases.get(name) ?? name)?.[0].type ?? 'float32',
    })),
    nodes: withUniqueNames(kept),
    initializers,
    metadata,
  }
}

const identity = (from: string, to: string): Node => ({
  name: `${to}/identity`,
  op: 'Identity',
  inputs: [from],
  outputs: [to],
  attributes: {},
})

/** Nodes that one operator became have names of their own making. */
function withUniqueNames(nodes: readonly Node[]): Node[] {
  const free = createNames()
  return nodes.map((node) => ({ ...node, name: free(node.name) }))
}
