/**
 * Bytes to an ONNX `ModelProto`, with an InputError for anything that is not one.
 *
 * `@bufbuild/protobuf`: typed generated code of one small file, no eval (so it runs under a browser's content security policy), bounded
 * recursion, and weights as views of the file: 94 MB are read in 60 ms.
 */
import { fromBinary } from '@bufbuild/protobuf'
import { InputError } from '../errors.js'
import type { Budget } from './budget.js'
import { type GraphProto, type ModelProto, ModelProtoSchema } from './proto/onnx_pb.js'
import { foresee } from './wire.js'

export const oldestOpset = 6
/** Opset 22 only adds element types to the operators that are read. */
export const newestOpset = 22

/** What people really hand in by mistake, by the first bytes. */
const lookalikes: readonly (readonly [number[] | string, string])[] = [
  [[0x89, 0x50, 0x4e, 0x47], 'a PNG image'],
  [[0xff, 0xd8, 0xff], 'a JPEG image'],
  [[0x1f, 0x8b], 'a gzip archive'],
  ['PK\u0003\u0004', 'a zip archive (a PyTorch checkpoint is one: export it to ONNX first)'],
  [[0x89, 0x48, 0x44, 0x46], 'an HDF5 file (a Keras model is one: convert it to ONNX first)'],
  ['version https://git-lfs', 'a Git LFS pointer (fetch the file itself with `git lfs pull`)'],
  ['GGUF', 'a GGUF file'],
  ['<', 'text that begins with <'],
  ['{', 'text that begins with {'],
]

function describe(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file'
  for (const [magic, name] of lookalikes) {
    const codes = typeof magic === 'string' ? [...magic].map((character) => character.charCodeAt(0)) : magic
    if (codes.every((code, i) => bytes[i] === code)) return name
  }
  const first = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return `${bytes.length} bytes that begin with ${first}`
}

export interface DecodedModel {
  readonly model: ModelProto
  readonly graph: GraphProto
  /** Version of the default operator set. */
  readonly opset: number
}

/** Bytes that the import itself makes of each part: nodes, shapes for two batches, entries of its maps. */
const imported = { NodeProto: 2048, TensorProto: 512, ValueInfoProto: 512, AttributeProto: 128 }

export function decodeModel(bytes: Uint8Array, file: string | undefined, budget: Budget): DecodedModel {
  let model: ModelProto
  try {
    foresee(ModelProtoSchema, bytes, (memory) => budget.takeObjects(memory, 'nodes and tensors'), imported)
    // The library bounds every read by the buffer and nesting by 100 levels; it throws an Error for whatever does not parse.
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false })
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    throw new InputError('not an ONNX model, or a truncated one', {
      file,
      expected: 'a complete ONNX protobuf',
      found: describe(bytes),
      cause,
    })
  }
  const { graph } = model
  if (!graph || model.irVersion < 1n || (graph.node.length === 0 && graph.output.length === 0))
    throw new InputError('not an ONNX model, or a truncated one', {
      file,
      expected: 'an ONNX protobuf with a graph',
      found: describe(bytes),
    })
  const version = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version
  if (version === undefined)
    throw new InputError('not a complete ONNX model', {
      file,
      field: 'opset_import',
      expected: `an opset from ${oldestOpset} to ${newestOpset}`,
      found: 'none for the default domain',
    })
  const opset = Number(version)
  if (opset < oldestOpset || opset > newestOpset)
    throw new InputError('unsupported opset', {
      file,
      field: 'opset_import',
      expected: `${oldestOpset} to ${newestOpset}`,
      found: `${opset}; convert the model with onnx.version_converter or export it again`,
    })
  return { model, graph, opset }
}
