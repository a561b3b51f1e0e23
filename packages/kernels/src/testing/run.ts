/** Runs one operation on the GPU as a test does: every tensor in a buffer of its own, with guard values around it. */
import type { Gpu } from '../gpu.js'
import { type Attributes, elements, type NdArray, type Operation, type Tensor } from '../operation.js'
import { allocate, createProgram, type Placement, readBuffer } from '../program.js'

/** NaN patterns no shader writes by chance; found again after the run, or the shader wrote out of its bounds. */
const guard = 0x7fc0beef
const guardWords = 64

export type ElementKind = 'f32' | 'u32'

export interface RunOptions {
  /** Inputs that hold integers (labels, packed bytes, seeds). */
  readonly integerInputs?: readonly number[]
  readonly integerOutputs?: readonly number[]
}

/** Outputs of the operation, then the new values of the inputs it updates. Throws when a guard was overwritten or an output left unwritten. */
export async function runOperation(
  gpu: Gpu,
  operation: Operation,
  attributes: Attributes,
  inputs: readonly (NdArray | undefined)[],
  options: RunOptions = {},
): Promise<NdArray[]> {
  const inputTensors = inputs.map((input, i) => (input ? { name: `input${i}`, shape: input.shape } : undefined))
  const outputTensors = operation
    .infer(
      attributes,
      inputs.map((input) => input?.shape),
    )
    .map((shape, i) => ({ name: `output${i}`, shape }))
  const dispatches = operation.dispatches(attributes, inputTensors, outputTensors, gpu.target)
  const buffers = new Map<Tensor, GPUBuffer>()
  const create = async (tensor: Tensor, data?: NdArray, integer = false) => {
    const count = elements(tensor.shape)
    const words = new Uint32Array(count + 2 * guardWords).fill(guard)
    if (data && integer)
      words.set(
        Uint32Array.from(data.data, (value) => value >>> 0),
        guardWords,
      )
    else if (data) new Float32Array(words.buffer).set(data.data, guardWords)
    const buffer = await allocate(gpu, tensor.name, words.byteLength)
    gpu.device.queue.writeBuffer(buffer, 0, words)
    buffers.set(tensor, buffer)
  }
  for (const [i, tensor] of inputTensors.entries()) if (tensor) await create(tensor, inputs[i], options.integerInputs?.includes(i))
  for (const tensor of outputTensors) await create(tensor)
  for (const dispatch of dispatches) for (const tensor of dispatch.operands) if (tensor && !buffers.has(tensor)) await create(tensor)
  const place = (tensor: Tensor): Placement => ({ buffer: buffers.get(tensor)!, offset: guardWords * 4 })
  const program = await createProgram(gpu, dispatches, place)
  const encoder = gpu.device.createCommandEncoder()
  const pass = encoder.beginComputePass({ label: operation.op })
  program.encode(pass)
  pass.end()
  gpu.device.queue.submit([encoder.finish()])
  await gpu.sync()

  const results: NdArray[] = []
  const collect = async (tensor: Tensor, integer: boolean | undefined, isResult: boolean) => {
    const words = new Uint32Array(await readBuffer(gpu, buffers.get(tensor)!, 0, (elements(tensor.shape) + 2 * guardWords) * 4))
    for (let i = 0; i < guardWords; i++) {
      if (words[i] !== guard || words[words.length - 1 - i] !== guard)
        throw new Error(`${operation.op}: wrote outside of ${tensor.name} [${tensor.shape.join(', ')}]`)
    }
    if (!isResult) return
    const inner = words.subarray(guardWords, words.length - guardWords)
    const unwritten = inner.indexOf(guard)
    if (unwritten >= 0)
      throw new Error(`${operation.op}: element ${unwritten} of ${tensor.name} [${tensor.shape.join(', ')}] was not written`)
    const values = integer ? inner : new Float32Array(inner.buffer, inner.byteOffset, inner.length)
    results.push({ shape: tensor.shape, data: Float64Array.from(values) })
  }
  for (const [i, tensor] of outputTensors.entries()) await collect(tensor, options.integerOutputs?.includes(i), true)
  for (const i of operation.updates ?? []) await collect(inputTensors[i]!, options.integerInputs?.includes(i), true)
  for (const tensor of buffers.keys()) {
    if (!outputTensors.includes(tensor) && !(operation.updates ?? []).some((i) => inputTensors[i] === tensor))
      await collect(tensor, false, false)
  }
  for (const buffer of buffers.values()) buffer.destroy()
  program.destroy()
  return results
}
