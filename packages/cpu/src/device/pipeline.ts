import { type Program, WgslError } from '../check/program.js'
import type { BindingUse, CompiledPipeline } from '../emit/pipeline.js'
import { CpuBindGroupLayout, CpuPipelineLayout, type LayoutEntry } from './bindings.js'
import { shaderStage } from './constants.js'
import type { Core } from './core.js'
import { Invalid, interfaceName, named, PipelineError, require } from './errors.js'
import { CpuShaderModule, type Kernel } from './shader-module.js'

/** Where a dispatch finds what a binding of the record is. */
export interface Slot {
  readonly group: number
  /** Place in the bind group's entries. */
  readonly entry: number
  /** Place among the group's dynamic offsets; -1: none. */
  readonly dynamic: number
  readonly use: BindingUse
}

interface Plan {
  readonly kernel: Kernel
  /** By group; undefined: nothing is bound there. */
  readonly layouts: readonly (CpuBindGroupLayout | undefined)[]
  readonly slots: readonly Slot[]
}

/** Tells the threads when no pipeline has the kernel any more. */
const collected = new FinalizationRegistry<{ core: Core; id: number }>(({ core, id }) => {
  if (!core.isLost) core.runner().removePipeline(id)
})

export class CpuComputePipeline implements GPUComputePipeline {
  declare readonly __brand: 'GPUComputePipeline'
  label: string
  /** Undefined: its creation failed. @internal */
  readonly plan: Plan | undefined
  /** @internal */
  constructor(
    readonly core: Core,
    label: string,
    plan: Plan | undefined,
  ) {
    this.label = label
    this.plan = plan
  }

  getBindGroupLayout(index: number): CpuBindGroupLayout {
    const layout = this.core.attempt(`getBindGroupLayout of ${named('compute pipeline', this.label)}`, () => {
      require(this.plan, () => 'the pipeline is invalid: its creation failed')
      const count = this.core.limits.maxBindGroups
      require(index < count, () => `index: expected less than maxBindGroups, ${count}, found ${index}`)
      return this.plan.layouts[index] ?? new CpuBindGroupLayout(this.core, '', [], false)
    })
    return layout ?? new CpuBindGroupLayout(this.core, '', [], true)
  }
}
interfaceName(CpuComputePipeline, 'GPUComputePipeline')

export function createComputePipeline(core: Core, descriptor: GPUComputePipelineDescriptor): CpuComputePipeline {
  const { label = '' } = descriptor
  checkShape(descriptor)
  const plan = core.attempt(callOf(label), () => {
    const made = makePlan(core, descriptor)
    const { kernel } = made
    try {
      kernel.module ??= core.options.platform.compile(kernel.compiled.wasm)
      introduce(core, kernel)
    } catch (error) {
      throw new Invalid((error as Error).message, 'internal')
    }
    return made
  })
  return new CpuComputePipeline(core, label, plan)
}

/** WebAssembly is compiled on the engine's own threads. Errors reject the promise, and no error scope sees them. */
export async function createComputePipelineAsync(core: Core, descriptor: GPUComputePipelineDescriptor): Promise<CpuComputePipeline> {
  const { label = '' } = descriptor
  checkShape(descriptor)
  if (core.isLost) return new CpuComputePipeline(core, label, undefined)
  try {
    const plan = makePlan(core, descriptor)
    const { kernel } = plan
    kernel.compiling ??= core.options.platform.compileAsync(kernel.compiled.wasm)
    kernel.module ??= await kernel.compiling
    if (core.isLost) return new CpuComputePipeline(core, label, undefined)
    introduce(core, kernel)
    return new CpuComputePipeline(core, label, plan)
  } catch (error) {
    const reason = error instanceof Invalid && error.kind === 'validation' ? 'validation' : 'internal'
    throw new PipelineError(`${callOf(label)}: ${(error as Error).message}`, { reason })
  }
}

const callOf = (label: string) => `createComputePipeline of ${named('compute pipeline', label)}`

function checkShape({ label = '', layout, compute }: GPUComputePipelineDescriptor): void {
  if (!(compute?.module instanceof CpuShaderModule)) throw new TypeError(`${callOf(label)}: compute.module: expected a GPUShaderModule`)
  if (layout !== 'auto' && !(layout instanceof CpuPipelineLayout))
    throw new TypeError(`${callOf(label)}: layout: expected 'auto' or a GPUPipelineLayout, found ${String(layout)}`)
  for (const [name, value] of Object.entries(compute.constants ?? {}))
    if (!Number.isFinite(Number(value)))
      throw new TypeError(`${callOf(label)}: constants: ${name}: expected a finite number, found ${String(value)}`)
}

function introduce(core: Core, kernel: Kernel): void {
  if (kernel.id !== undefined) return
  kernel.id = core.runner().addPipeline(kernel.module!, kernel.compiled.scratchBytes)
  collected.register(kernel, { core, id: kernel.id })
}

function makePlan(core: Core, { label = '', layout, compute }: GPUComputePipelineDescriptor): Plan {
  const module = compute.module as CpuShaderModule
  require(module.core === core, () => `compute.module: ${named('shader module', module.label)} is of another device`)
  require(module.program, () => `compute.module: ${named('shader module', module.label)} is invalid: its code is wrong`)
  const kernel = kernelOf(core, module, module.program, compute)
  const layouts = layout === 'auto' ? autoLayouts(core, label, kernel.compiled) : givenLayouts(core, layout as CpuPipelineLayout)
  return { kernel, layouts, slots: kernel.compiled.bindings.map((use) => slotOf(use, layouts)) }
}

function kernelOf(core: Core, module: CpuShaderModule, program: Program, compute: GPUProgrammableStage): Kernel {
  const where = named('shader module', module.label)
  const names = program.entryPoints.map(({ name }) => name)
  const listed = names.join(', ') || 'none'
  const name = compute.entryPoint ?? (names.length === 1 ? names[0] : undefined)
  require(name !== undefined, () => `compute.entryPoint: expected one of the entry points of ${where} (${listed}), found nothing`)
  require(names.includes(name), () => `compute.entryPoint: expected one of the entry points of ${where} (${listed}), found '${name}'`)
  const constants = compute.constants ?? {}
  const known = program.overrides.map((override) => (override.id === undefined ? override.name : String(override.id)))
  for (const constant of Object.keys(constants))
    require(known.includes(constant), () => {
      return `compute.constants: expected overrides of ${where} (${known.join(', ') || 'none'}), found '${constant}'`
    })
  const key = JSON.stringify([name, Object.entries(constants).sort(([a], [b]) => (a < b ? -1 : 1))])
  let kernel = module.kernels.get(key)
  if (!kernel) {
    kernel = { compiled: compile(core, program, name, constants), compiling: undefined, module: undefined, id: undefined }
    module.kernels.set(key, kernel)
  }
  return kernel
}

function compile(core: Core, program: Program, name: string, constants: Readonly<Record<string, number>>): CompiledPipeline {
  const { compiler, shared, fused } = core.options
  let compiled: CompiledPipeline
  try {
    compiled = compiler.compile(program, name, constants, { shared, fused })
  } catch (error) {
    // What the compiler itself can not do.
    if (!(error instanceof WgslError)) throw new Invalid(`entry point '${name}': ${(error as Error).message}`, 'internal')
    throw new Invalid(`entry point '${name}': ${error.position.line}:${error.position.column}: ${error.message}`)
  }
  const { workgroupSize: size, workgroupBytes } = compiled
  const { limits } = core
  const most = [limits.maxComputeWorkgroupSizeX, limits.maxComputeWorkgroupSizeY, limits.maxComputeWorkgroupSizeZ]
  const fits = size.every((n, i) => n >= 1 && n <= most[i])
  require(fits, () => `entry point '${name}': workgroup size: expected 1 to ${most.join(' x ')}, found ${size.join(' x ')}`)
  const invocations = size[0] * size[1] * size[2]
  require(invocations <= limits.maxComputeInvocationsPerWorkgroup, () => {
    return `entry point '${name}': workgroup size: expected at most ${limits.maxComputeInvocationsPerWorkgroup} invocations, found ${size.join(' x ')}`
  })
  require(workgroupBytes <= limits.maxComputeWorkgroupStorageSize, () => {
    return `entry point '${name}': workgroup variables: expected at most maxComputeWorkgroupStorageSize, ${limits.maxComputeWorkgroupStorageSize} bytes, found ${workgroupBytes}`
  })
  return compiled
}

let automatic = 0

function autoLayouts(core: Core, label: string, { bindings }: CompiledPipeline): CpuBindGroupLayout[] {
  const pipeline = `auto ${++automatic}`
  const groups = Math.max(-1, ...bindings.map(({ group }) => group)) + 1
  require(groups <= core.limits.maxBindGroups, () =>
    `@group: expected less than maxBindGroups, ${core.limits.maxBindGroups}, found ${groups - 1}`)
  return Array.from({ length: groups }, (_, index) => {
    const uses = bindings.filter(({ group }) => group === index).sort((a, b) => a.binding - b.binding)
    const entries: LayoutEntry[] = uses.map(({ binding, type, minSize }) => {
      return { binding, visibility: shaderStage.COMPUTE, type, dynamic: -1, minSize }
    })
    return new CpuBindGroupLayout(core, `group ${index} of ${label || 'a pipeline'}`, entries, false, pipeline)
  })
}

function givenLayouts(core: Core, layout: CpuPipelineLayout): readonly (CpuBindGroupLayout | undefined)[] {
  require(layout.core === core, () => `layout: ${named('pipeline layout', layout.label)} is of another device`)
  require(!layout.invalid, () => `layout: ${named('pipeline layout', layout.label)} is invalid: its creation failed`)
  return layout.groups
}

function slotOf(use: BindingUse, layouts: readonly (CpuBindGroupLayout | undefined)[]): Slot {
  const { group, binding } = use
  const where = `@group(${group}) @binding(${binding})`
  const entries = layouts[group]?.entries ?? []
  const entry = entries.findIndex((each) => each.binding === binding)
  require(entry >= 0, () => `layout: the shader uses ${where}, which the layout lacks`)
  const { type, visibility, minSize, dynamic } = entries[entry]
  require(visibility & shaderStage.COMPUTE, () => `layout: ${where} is not visible to compute shaders`)
  require(type === use.type, () => `layout: ${where}: expected ${use.type} as in the shader, found ${type}`)
  require(minSize === 0 || minSize >= use.minSize, () => {
    return `layout: ${where}: minBindingSize: expected 0 or at least ${use.minSize}, found ${minSize}`
  })
  return { group, entry, dynamic, use }
}
