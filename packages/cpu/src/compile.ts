/** From a checked module to a pipeline: overrides get their values, functions are joined into the entry point, invocations become lanes. */
import { lowerEntryPoint } from './analyse/lower.js'
import { analyseShapes } from './analyse/shapes.js'
import { type Program, WgslError } from './check/program.js'
import { emitKernel } from './emit/kernel.js'
import type { CompiledPipeline, CompileOptions } from './emit/pipeline.js'

/**
 * @param constants values of overrides by name, or by decimal `@id`
 * @throws WgslError where a value of an override, or what depends on it, is wrong
 */
export function compilePipeline(
  program: Program,
  entryPoint: string,
  constants: Readonly<Record<string, number>>,
  options: CompileOptions,
): CompiledPipeline {
  const entry = program.entryPoints.find((each) => each.name === entryPoint)
  if (!entry)
    throw new WgslError(
      `no compute entry point '${entryPoint}', found ${program.entryPoints.map((each) => `'${each.name}'`).join(', ') || 'none'}`,
      {
        line: 1,
        column: 1,
        offset: 0,
        length: 0,
      },
    )
  const kernel = lowerEntryPoint(program, entry, constants)
  analyseShapes(kernel)
  return emitKernel(kernel, options)
}
