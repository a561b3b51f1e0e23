/** A network's weights from and to safetensors files, by name. */
import { elements } from '@espalier/kernels'
import { InputError } from './errors.js'
import type { Graph, TensorData } from './graph.js'
import { fromBfloat, fromHalf, widened } from './onnx/tensors.js'
import { type Entry, encodeShaped, readEntries } from './safetensors.js'

export interface WeightOptions {
  /** Named in errors. */
  readonly file?: string
  /** The network's name for a tensor of the file: `(name) => name.replace(/^module\./, '')` for PyTorch's DataParallel. */
  readonly rename?: (name: string) => string
  /** False: tensors of the network that the file lacks keep their values, and those that only the file has are passed over. True when absent. */
  readonly strict?: boolean
}

/** Weights are the float32 tensors: integers are part of the structure. */
const weightsOf = (graph: Graph): Map<string, TensorData & { data: Float32Array }> =>
  new Map(
    [...graph.initializers].filter((each): each is [string, TensorData & { data: Float32Array }] => each[1].data instanceof Float32Array),
  )

/** All float32 constants of a network, running statistics included, with their shapes; equal networks give equal bytes. */
export function saveWeights(graph: Graph, metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  return encodeShaped(weightsOf(graph), metadata)
}

/**
 * The network with the weights of a safetensors file (F32, F16, BF16 or F64): tensors are found by name, and their shapes must be the
 * network's. PyTorch's counters (`num_batches_tracked`) are passed over.
 *
 * Throws InputError for bytes that are no such file, and names what is missing, surplus, or of another shape.
 */
export function loadWeights(graph: Graph, bytes: Uint8Array, { file, rename = (name) => name, strict = true }: WeightOptions = {}): Graph {
  const weights = weightsOf(graph)
  const fail = (what: string, field: string, expected: string, found: string) => new InputError(what, { file, field, expected, found })
  const given = new Map<string, Entry>()
  for (const entry of readEntries(bytes, file).entries) {
    if (/(^|\.)num_batches_tracked$/.test(entry.name)) continue
    const name = rename(entry.name)
    const twin = given.get(name)
    if (twin) throw fail('two tensors for one name', name, 'one', `'${twin.name}' and '${entry.name}'`)
    given.set(name, entry)
  }
  const missing = [...weights.keys()].filter((name) => !given.has(name))
  const surplus = [...given.keys()].filter((name) => !weights.has(name))
  if (strict && missing.length + surplus.length > 0)
    throw fail(
      `the weights are not those of network '${graph.name}'`,
      'names',
      missing.length > 0 ? `also ${some(missing)}` : 'no others than the network has',
      surplus.length > 0 ? `${some(surplus)}, which the network has not` : 'nothing of these',
    )
  const initializers = new Map(graph.initializers)
  for (const [name, entry] of given) {
    const tensor = weights.get(name)
    if (!tensor) continue
    if (entry.shape.join() !== tensor.dims.join()) throw fail('shape', name, `[${tensor.dims}]`, `[${entry.shape}]`)
    initializers.set(name, { dims: tensor.dims, type: 'float32', data: valuesOf(entry, elements(tensor.dims), fail) })
  }
  return { ...graph, initializers }
}

/** Names in words: the first few, and how many more. */
const some = (names: readonly string[]): string =>
  `${names
    .slice(0, 5)
    .map((name) => `'${name}'`)
    .join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`

const sizes: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, F64: 8 }

function valuesOf(
  { name, dtype, data }: Entry,
  count: number,
  fail: (what: string, field: string, expected: string, found: string) => InputError,
): Float32Array {
  if (!Object.hasOwn(sizes, dtype)) throw fail('data type', name, 'F32, F16, BF16 or F64', dtype)
  if (data.length !== count * sizes[dtype])
    throw fail('wrong amount of data', name, `${count * sizes[dtype]} bytes for ${count} numbers of ${dtype}`, `${data.length}`)
  // A copy at an aligned place; `slice` of a Buffer would be none.
  const { buffer } = new Uint8Array(data)
  if (dtype === 'F32') return new Float32Array(buffer)
  if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer))
  return widened(new Uint16Array(buffer), dtype === 'F16' ? fromHalf : fromBfloat)
}
