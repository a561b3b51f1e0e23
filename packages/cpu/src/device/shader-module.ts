import { type Program, WgslError } from '../check/program.js'
import type { CompiledPipeline } from '../emit/pipeline.js'
import type { Core } from './core.js'
import { Invalid, interfaceName, named } from './errors.js'

class CompilationMessage implements GPUCompilationMessage {
  declare readonly __brand: 'GPUCompilationMessage'
  readonly lineNum: number
  readonly linePos: number
  readonly offset: number
  readonly length: number
  constructor(
    readonly type: GPUCompilationMessageType,
    readonly message: string,
    position: { line: number; column: number; offset: number; length: number },
  ) {
    this.lineNum = position.line
    this.linePos = position.column
    this.offset = position.offset
    this.length = position.length
  }
}
interfaceName(CompilationMessage, 'GPUCompilationMessage')

/** An entry point with its constants, compiled: shared by all pipelines with them. */
export interface Kernel {
  readonly compiled: CompiledPipeline
  compiling: Promise<WebAssembly.Module> | undefined
  module: WebAssembly.Module | undefined
  /** Its number among the threads, once they know it. */
  id: number | undefined
}

export class CpuShaderModule implements GPUShaderModule {
  declare readonly __brand: 'GPUShaderModule'
  label: string
  /** Undefined: the code is wrong. @internal */
  readonly program: Program | undefined
  /** By entry point and constants. @internal */
  readonly kernels = new Map<string, Kernel>()
  readonly #messages: CompilationMessage[] = []

  /** @internal */
  constructor(
    readonly core: Core,
    descriptor: GPUShaderModuleDescriptor,
  ) {
    const { label = '', code } = descriptor
    this.label = label
    this.program = core.attempt(`createShaderModule of ${named('shader module', label)}`, () => {
      try {
        return core.options.compiler.check(code)
      } catch (error) {
        if (!(error instanceof WgslError)) throw error
        this.#messages.push(new CompilationMessage('error', error.message, error.position))
        throw new Invalid(`${error.position.line}:${error.position.column}: ${error.message}`)
      }
    })
    for (const { type, message, position } of this.program?.messages ?? [])
      this.#messages.push(new CompilationMessage(type, message, position))
  }

  async getCompilationInfo(): Promise<GPUCompilationInfo> {
    return { messages: this.#messages } as unknown as GPUCompilationInfo
  }
}
interfaceName(CpuShaderModule, 'GPUShaderModule')
