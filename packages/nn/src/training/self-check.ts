import { elements, type Gpu } from '@espalier/kernels'
import { compile } from '../engine/compile.js'
import { fuseForInference } from '../engine/fuse.js'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { createRandom } from '../random.js'

export interface Comparison {
  /** Greatest |a - b| over all outputs. */
  readonly maxAbsDifference: number
  /** Greatest |a|: what the difference is to be seen against. */
  readonly scale: number
}

/** Runs two graphs with the same interface on the same seeded normal inputs. `feeds` gives values for further inputs (masks) of the first. */
export async function compareGraphs(
  gpu: Gpu,
  a: Graph,
  b: Graph,
  options: { images?: number; seed?: number; feeds?: Readonly<Record<string, Float32Array>> } = {},
): Promise<Comparison> {
  const batch = options.images ?? 4
  const feeds = options.feeds ?? {}
  const outputs = await Promise.all(
    [a, b].map(async (graph) => {
      const executable = await compile(gpu, fuseForInference(graph), { batch })
      try {
        for (const input of graph.inputs) {
          if (graph.initializers.has(input.name)) continue
          const length = elements(executable.shapes.get(input.name)!)
          const random = createRandom(options.seed ?? 0, `self-check/${input.name}`)
          executable.write(input.name, feeds[input.name] ?? Float32Array.from({ length }, () => random.normal()))
        }
        executable.run()
        return await Promise.all(graph.outputs.map((output) => executable.read(output.name)))
      } finally {
        executable.destroy()
      }
    }),
  )
  let maxAbsDifference = 0
  let scale = 0
  outputs[0].forEach((values, i) => {
    const others = outputs[1][i]
    if (values.length !== others.length)
      throw new InputError(`output '${a.outputs[i].name}' of the two graphs`, { expected: `${values.length} values`, found: others.length })
    values.forEach((value, j) => {
      const difference = Math.abs(value - others[j])
      // NaN must not pass as agreement.
      if (!(difference <= maxAbsDifference)) maxAbsDifference = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
      scale = Math.max(scale, Math.abs(value))
    })
  })
  return { maxAbsDifference, scale }
}
