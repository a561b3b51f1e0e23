/** Runs generated programs on any device, and compares what two devices made of one. */
import type { Buffer } from './buffers.js'
import type { Program } from './program.js'

/** The words of each buffer that the program may write, in order. */
export type Outputs = Uint32Array[]

/** The error that the device reports, if any, becomes an exception. */
export async function runProgram(device: GPUDevice, program: Program): Promise<Outputs> {
  device.pushErrorScope('validation')
  device.pushErrorScope('internal')
  const buffers: GPUBuffer[] = []
  try {
    const module = device.createShaderModule({ code: program.source })
    const groups = [0, 1].map((group) => program.buffers.filter((buffer) => buffer.group === group))
    const layouts = groups.map((group) =>
      device.createBindGroupLayout({
        entries: group.map(({ binding, kind }) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type: kind } })),
      }),
    )
    const layout = device.createPipelineLayout({ bindGroupLayouts: layouts })
    const pipeline = await device.createComputePipelineAsync({
      layout,
      compute: { module, entryPoint: 'main', constants: program.constants },
    })
    const bound = new Map<Buffer, GPUBuffer>()
    for (const buffer of program.buffers) {
      const usage =
        (buffer.kind === 'uniform' ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE) | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
      const made = device.createBuffer({ size: buffer.words.byteLength, usage })
      device.queue.writeBuffer(made, 0, buffer.words)
      bound.set(buffer, made)
      buffers.push(made)
    }
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    for (const [i, group] of groups.entries()) {
      const entries = group.map((buffer) => ({ binding: buffer.binding, resource: { buffer: bound.get(buffer)! } }))
      pass.setBindGroup(i, device.createBindGroup({ layout: layouts[i], entries }))
    }
    pass.dispatchWorkgroups(...program.workgroups)
    pass.end()
    const outputs = program.buffers.filter((buffer) => buffer.kind === 'storage')
    const reads = outputs.map((buffer) => {
      const size = buffer.words.byteLength
      const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
      encoder.copyBufferToBuffer(bound.get(buffer)!, 0, read, 0, size)
      buffers.push(read)
      return read
    })
    device.queue.submit([encoder.finish()])
    await Promise.all(reads.map((read) => read.mapAsync(GPUMapMode.READ)))
    return reads.map((read) => new Uint32Array(read.getMappedRange().slice(0)))
  } finally {
    for (const buffer of buffers) buffer.destroy()
    const errors = [await device.popErrorScope(), await device.popErrorScope()]
    const error = errors.find((e) => e !== null)
    // biome-ignore lint/correctness/noUnsafeFinally: what the device says of the cause goes before the consequence
    if (error) throw new Error(error.message)
  }
}

const float = (bits: number) => new Float32Array(Uint32Array.of(bits).buffer)[0]

/** Words that count: NaN is one value, the zeros are one, what is not compared is 0. */
export function canonical(word: number, kind: string): number {
  if (kind === '-' || kind === 'a') return 0
  if (kind === 'i') return word
  const value = float(word)
  return Number.isNaN(value) ? 0x7fc00000 : value === 0 ? 0 : word
}

/** Greatest difference of approximate results, relative to max(1, |expected|). */
const tolerance = 2e-3

/** The first difference in words, or undefined. */
export function difference(program: Program, expected: Outputs, found: Outputs): string | undefined {
  const written = program.buffers.filter((buffer) => buffer.kind === 'storage')
  for (const [b, { name, classes }] of written.entries())
    for (let i = 0; i < expected[b].length; i++) {
      const kind = classes[i % classes.length]
      const [e, f] = [expected[b][i], found[b][i]]
      if (e === f || kind === '-') continue
      const [x, y] = [float(e), float(f)]
      if (kind === 'i') return `${name}[${i}]: expected ${e} (0x${e.toString(16)}), found ${f} (0x${f.toString(16)})`
      if (kind === 'f' && canonical(e, 'f') === canonical(f, 'f')) continue
      if (kind === 'a' && ((Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x)))) continue
      return `${name}[${i}]: expected ${x} (0x${e.toString(16)}), found ${y} (0x${f.toString(16)})${kind === 'a' ? ' approximately' : ''}`
    }
  return undefined
}

/** A hash of all words that are compared exactly. */
export function digest(program: Program, outputs: Outputs): number {
  const written = program.buffers.filter((buffer) => buffer.kind === 'storage')
  let hash = 0x811c9dc5
  for (const [b, { classes }] of written.entries())
    for (const [i, word] of outputs[b].entries()) {
      hash = Math.imul(hash ^ canonical(word, classes[i % classes.length]), 0x01000193)
      hash ^= hash >>> 15
    }
  return hash >>> 0
}
