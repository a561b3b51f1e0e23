/** What the adapter can do at most: multiply-adds in registers, and a copy. Kernels are measured against these. */
import type { Gpu } from '@espalier/kernels'
import { quantile } from './statistics.js'

export interface Ceilings {
  /** GFLOPS of independent multiply-adds that touch no memory. */
  readonly fma: number
  /** GB/s of a copy, bytes read and bytes written both counted. */
  readonly copy: number
}

/** Repetitions of the body: a software adapter's loop costs as much as several multiply-adds. */
const unrolled = 16

/**
 * `sums` vec4f that do not depend on each other hide the latency of the units, as long as there are registers for them: how many is best is
 * tried. The loop count is a parameter, so that nothing is computed in advance.
 */
const registers = (sums: number) => {
  const each = (line: (i: number) => string) => Array.from({ length: sums }, (_, i) => line(i)).join('\n')
  return `
@group(0) @binding(0) var<uniform> params: vec4f; // rounds, a, b
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4f(params.y + f32(id.x) * 1e-9);
  let b = vec4f(params.z);
${each((i) => `  var s${i} = vec4f(${i}.0);`)}
  for (var i = 0u; i < u32(params.x); i++) {
${Array.from({ length: unrolled }, () => each((i) => `    s${i} = s${i} * a + b;`)).join('\n')}
  }
  var sum = vec4f();
${each((i) => `  sum += s${i};`)}
  result[id.x] = sum;
}`
}

const copying = `
@group(0) @binding(0) var<uniform> params: vec4f; // vectors per invocation
@group(0) @binding(1) var<storage, read_write> copied: array<vec4f>;
@group(0) @binding(2) var<storage, read> source: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let each = u32(params.x);
  let first = group.x * 64u * each + lane;
  for (var i = 0u; i < each; i++) {
    copied[first + i * 64u] = source[first + i * 64u];
  }
}`

export async function ceilings(gpu: Gpu): Promise<Ceilings> {
  const hardware = gpu.info.kind === 'hardware'
  const invocations = hardware ? 2 ** 18 : 2 ** 10
  const rounds = hardware ? 512 : 2000
  let fma = 0
  for (const sums of [1, 2, 4, 8, 16]) {
    const ms = await timeOf(gpu, registers(sums), [rounds, 0.999, 0.001, 0], [invocations * 16], invocations / 64)
    fma = Math.max(fma, (invocations * rounds * unrolled * sums * 4 * 2) / ms / 1e6)
  }
  const bytes = hardware ? 2 ** 27 : 2 ** 26
  const each = hardware ? 4 : 16
  const copyMs = await timeOf(gpu, copying, [each, 0, 0, 0], [bytes, bytes], bytes / 16 / 64 / each)
  return { fma, copy: (2 * bytes) / copyMs / 1e6 }
}

async function timeOf(
  { device, sync }: Gpu,
  code: string,
  values: readonly number[],
  sizes: readonly number[],
  workgroups: number,
): Promise<number> {
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module: device.createShaderModule({ code }) } })
  const params = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST })
  device.queue.writeBuffer(params, 0, Float32Array.from(values))
  const buffers = [params, ...sizes.map((size) => device.createBuffer({ size, usage: GPUBufferUsage.STORAGE }))]
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  })
  const times: number[] = []
  for (let i = 0; i < 7; i++) {
    const start = performance.now()
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(workgroups)
    pass.end()
    device.queue.submit([encoder.finish()])
    await sync()
    if (i >= 2) times.push(performance.now() - start)
  }
  for (const buffer of buffers) buffer.destroy()
  return quantile(times, 0)
}
