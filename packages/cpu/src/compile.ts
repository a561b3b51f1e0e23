/** From a checked module to a pipeline: overrides get their values, functions are joined into the entry point, invocations become lanes. */
import type { Program } from './check/program.js'
import type { CompiledPipeline, CompileOptions } from './emit/pipeline.js'

/**
 * @param constants values of overrides by name, or by decimal `@id`
 * @throws WgslError where a value of an override, or what depends on it, is wrong
 */
export function compilePipeline(
  _program: Program,
  _entryPoint: string,
  _constants: Readonly<Record<string, number>>,
  _options: CompileOptions,
): CompiledPipeline {
  throw new Error('not there yet')
}
