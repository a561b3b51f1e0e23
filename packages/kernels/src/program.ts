/**
 * Turns dispatches over named tensors into something that replays: pipelines (cached per device), one uniform buffer
 * with every dispatch's parameters, and bind groups, all made once. Encoding a replay is a few calls per dispatch.
 */
import { type Gpu, GpuError } from './gpu.js'
import { type Dispatch, elements, type Shader, type Tensor } from './operation.js'

/** Where a tensor lives: bytes. `offset` is a multiple of 256. */
export interface Placement {
  readonly buffer: GPUBuffer
  readonly offset: number
}

export interface Program {
  /** Records all dispatches (or those in [from, to)) into a compute pass. */
  encode(pass: GPUComputePassEncoder, from?: number, to?: number): void
  readonly dispatchCount: number
  destroy(): void
}

const uniformAlignment = 256
const maxOperands = 8

interface DeviceCache {
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>
  readonly layouts: Map<number, GPUBindGroupLayout>
  /** Bound for absent operands, a slot per binding: a dispatch may not bind the same bytes twice. */
  readonly absent: GPUBuffer
  /** Identity of each distinct source, so that cache keys stay short. */
  readonly sources: Map<string, number>
}

const caches = new WeakMap<GPUDevice, DeviceCache>()

function cacheOf(device: GPUDevice): DeviceCache {
  let cache = caches.get(device)
  if (!cache) {
    const absent = device.createBuffer({ label: 'absent operands', size: uniformAlignment * maxOperands, usage: GPUBufferUsage.STORAGE })
    cache = { pipelines: new Map(), layouts: new Map(), absent, sources: new Map() }
    caches.set(device, cache)
  }
  return cache
}

function layoutFor(device: GPUDevice, operands: number): GPUBindGroupLayout {
  const { layouts } = cacheOf(device)
  let layout = layouts.get(operands)
  if (!layout) {
    const entries: GPUBindGroupLayoutEntry[] = [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } }]
    for (let i = 1; i <= operands; i++) entries.push({ binding: i, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'storage' } })
    layout = device.createBindGroupLayout({ label: `params + ${operands} operands`, entries })
    layouts.set(operands, layout)
  }
  return layout
}

/** The compute pipeline of a shader with given override constants: compiled once per device. */
function pipelineFor(gpu: Gpu, shader: Shader, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
  const { device } = gpu
  const { pipelines, sources } = cacheOf(device)
  let source = sources.get(shader.code)
  if (source === undefined) sources.set(shader.code, (source = sources.size))
  const key = `${source} ${shader.entryPoint ?? 'main'} ${JSON.stringify(constants)}`
  let pipeline = pipelines.get(key)
  if (!pipeline) {
    pipeline = compile(gpu, shader, constants)
    pipelines.set(key, pipeline)
  }
  return pipeline
}

/**
 * Makes something, and a promise of what the device finds wrong with it, the innermost of `filters` first. Scopes are pushed and popped at once: those who
 * wait meanwhile push and pop theirs.
 */
function captured<T>(
  { device }: Gpu,
  filters: readonly GPUErrorFilter[],
  make: () => T,
): { made: T; error: Promise<GPUError | undefined> } {
  for (const filter of filters) device.pushErrorScope(filter)
  const pop = () => {
    const error = Promise.all(filters.map(() => device.popErrorScope())).then((all) => all.find((each) => each !== null) ?? undefined)
    // Whoever made it may never come to wait for it: the device is lost, or `make` threw.
    error.catch(() => {})
    return error
  }
  let made: T
  try {
    made = make()
  } catch (error) {
    void pop()
    throw error
  }
  return { made, error: pop() }
}

function compile(gpu: Gpu, shader: Shader, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
  const { device } = gpu
  return gpu.settle(`operation '${shader.name}'`, async () => {
    const { made, error } = captured(gpu, ['validation'], () => {
      const module = device.createShaderModule({ label: shader.name, code: shader.code })
      const layout = device.createPipelineLayout({ label: shader.name, bindGroupLayouts: [layoutFor(device, shader.access.length)] })
      const pipeline = device
        .createComputePipelineAsync({ label: shader.name, layout, compute: { module, entryPoint: shader.entryPoint ?? 'main', constants } })
        .catch((reason: unknown) => ({ reason }))
      return { module, pipeline }
    })
    const [scope, { messages }, pipeline] = await Promise.all([error, made.module.getCompilationInfo(), made.pipeline])
    if (!scope && pipeline && !('reason' in pipeline)) return pipeline
    const lines = messages.map(
      (message) => `  ${shader.name}.wgsl:${message.lineNum}:${message.linePos} ${message.type}: ${message.message}`,
    )
    const reason = scope?.message ?? String(pipeline && 'reason' in pipeline ? pipeline.reason : pipeline)
    throw new Error([`its shader does not compile: ${reason}`, ...lines].join('\n'))
  })
}

/** Compiles what is not compiled yet and binds everything. Errors name the operation. */
export async function createProgram(gpu: Gpu, dispatches: readonly Dispatch[], place: (tensor: Tensor) => Placement): Promise<Program> {
  const { device } = gpu
  gpu.check()
  const pipelines = await Promise.all(dispatches.map((dispatch) => pipelineFor(gpu, dispatch.shader, dispatch.constants ?? {})))
  for (const dispatch of dispatches) checkDispatch(dispatch, gpu)
  const params = new ArrayBuffer(Math.max(1, dispatches.length) * uniformAlignment)
  const sizes = dispatches.map((dispatch, i) => writeParams(params, i * uniformAlignment, dispatch))
  const { made, error } = captured(gpu, ['validation'], () => {
    const uniforms = device.createBuffer({
      label: 'params',
      size: params.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    })
    device.queue.writeBuffer(uniforms, 0, params)
    const bindGroups = dispatches.map((dispatch, i) => {
      const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: uniforms, offset: i * uniformAlignment, size: sizes[i] } }]
      dispatch.operands.forEach((tensor, j) => {
        const resource = tensor
          ? { ...place(tensor), size: Math.max(4, elements(tensor.shape) * 4) }
          : { buffer: cacheOf(device).absent, offset: j * uniformAlignment, size: uniformAlignment }
        entries.push({ binding: j + 1, resource })
      })
      return device.createBindGroup({ label: dispatch.shader.name, layout: layoutFor(device, dispatch.operands.length), entries })
    })
    return { uniforms, bindGroups }
  })
  const names = [...new Set(dispatches.map((dispatch) => dispatch.shader.name))].slice(0, 8).join(', ')
  await gpu.settle(`binding ${names}`, () => orThrow(error))
  const { uniforms, bindGroups } = made
  return {
    dispatchCount: dispatches.length,
    encode(pass, from = 0, to = dispatches.length) {
      let last: GPUComputePipeline | undefined
      for (let i = from; i < to; i++) {
        if (pipelines[i] !== last) pass.setPipeline((last = pipelines[i]))
        pass.setBindGroup(0, bindGroups[i])
        const [x, y, z] = dispatches[i].workgroups
        pass.dispatchWorkgroups(x, y, z)
      }
    },
    destroy: () => uniforms.destroy(),
  }
}

function writeParams(into: ArrayBuffer, offset: number, { params, shader }: Dispatch): number {
  const u32 = params.u32 ?? []
  const f32 = params.f32 ?? []
  const bytes = Math.ceil(Math.max(1, u32.length + f32.length) / 4) * 16
  if (bytes > uniformAlignment)
    throw new GpuError(`operation '${shader.name}': ${u32.length + f32.length} parameters exceed ${uniformAlignment / 4}`)
  new Uint32Array(into, offset, u32.length).set(u32)
  new Float32Array(into, offset + 4 * u32.length, f32.length).set(f32)
  return bytes
}

function checkDispatch(dispatch: Dispatch, gpu: Gpu): void {
  const { shader, operands, workgroups } = dispatch
  if (operands.length !== shader.access.length) {
    throw new GpuError(`operation '${shader.name}': ${operands.length} operands for ${shader.access.length} bindings`)
  }
  const seen = new Set<Tensor>()
  for (const tensor of operands) {
    if (!tensor) continue
    if (seen.has(tensor))
      throw new GpuError(`operation '${shader.name}': tensor '${tensor.name}' is given twice to one dispatch; copy it first`)
    seen.add(tensor)
    const bytes = elements(tensor.shape) * 4
    if (bytes > gpu.target.maxBindingBytes) {
      throw new GpuError(
        `operation '${shader.name}': tensor '${tensor.name}' [${tensor.shape.join(', ')}] needs ${bytes} bytes, more than the ${gpu.target.maxBindingBytes} this adapter binds; use a smaller batch`,
      )
    }
  }
  if (workgroups.some((count) => count > gpu.target.maxWorkgroupsPerDimension)) {
    throw new GpuError(
      `operation '${shader.name}': ${workgroups.join(' x ')} workgroups exceed ${gpu.target.maxWorkgroupsPerDimension} in a dimension`,
    )
  }
}

async function orThrow(error: Promise<GPUError | undefined>): Promise<void> {
  const found = await error
  if (found) throw new Error(found.message || 'out of memory')
}

/** Allocates a buffer; out of memory is a GpuError that says what for. */
export async function allocate(gpu: Gpu, label: string, bytes: number, usage?: GPUBufferUsageFlags): Promise<GPUBuffer> {
  gpu.check()
  const { made, error } = captured(gpu, ['validation', 'out-of-memory'], () =>
    gpu.device.createBuffer({
      label,
      size: Math.max(16, Math.ceil(bytes / 16) * 16),
      usage: usage ?? GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    }),
  )
  await gpu.settle(`allocating ${bytes} bytes for ${label}`, () => orThrow(error))
  return made
}

/** Reads bytes back from a buffer. Waits for all submitted work. */
export async function readBuffer(gpu: Gpu, buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
  gpu.check()
  const { device } = gpu
  const size = Math.max(4, Math.ceil(bytes / 4) * 4)
  const staging = device.createBuffer({
    label: `readback of ${buffer.label}`,
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  })
  const encoder = device.createCommandEncoder({ label: 'readback' })
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size)
  device.queue.submit([encoder.finish()])
  try {
    return await gpu.settle(`reading back ${buffer.label}`, async () => {
      await staging.mapAsync(GPUMapMode.READ)
      // Throws where the device was lost since, which unmaps it.
      return staging.getMappedRange().slice(0, bytes)
    })
  } finally {
    staging.destroy()
  }
}
