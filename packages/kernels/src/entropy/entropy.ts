import { choiceAttribute, inputShape, integerAttribute } from '../checks.js'
import { type Attributes, type Operation, type Shader, scratch, workgroups1d } from '../operation.js'
import alone from './alone.wgsl'
import cooperating from './cooperating.wgsl'
import { type Definition, spatialEntropies } from './entropy.reference.js'
import code from './entropy.wgsl'

const shader = (lanes: string): Shader => ({ name: 'SpatialEntropy', code: lanes + code, access: ['read', 'write', 'write'] })
const [together, each] = [shader(cooperating), shader(alone)]
const shaders = { hardware: together, cpu: each, software: each }
const definitions: readonly Definition[] = ['aura', 'aura-matrix']

function settings(attributes: Attributes) {
  const levels = integerAttribute('SpatialEntropy', attributes, 'levels', 16, 2)
  if (levels > 256) throw new Error(`SpatialEntropy: at most 256 levels, found ${levels}`)
  return { levels, definition: choiceAttribute('SpatialEntropy', attributes, 'definition', definitions, 'aura') }
}

/**
 * SpatialEntropy(x [N, C, H, W]) {levels = 16, definition = 'aura' | 'aura-matrix'} -> [N, C], in nats per map: the reward of
 * arXiv 2312.04918. The reference has the definitions. Above 32 levels pairs are counted by comparison, which grows with the square of the map.
 */
export const spatialEntropy: Operation = {
  op: 'SpatialEntropy',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x', 4)
    settings(attributes)
    return [[x[0], x[1]]]
  },
  dispatches(attributes, [x], [y], target) {
    const [images, channels, height, width] = x!.shape
    const { levels, definition } = settings(attributes)
    const maps = images * channels
    const entries = levels <= 32 ? levels * levels : levels
    return [
      {
        shader: shaders[target.kind],
        operands: [x, y, target.kind === 'hardware' ? undefined : scratch('counts', [entries, maps])],
        params: { u32: [maps, height, width, levels, definition === 'aura-matrix' ? 1 : 0] },
        workgroups: workgroups1d(maps, target.kind === 'hardware' ? 1 : 16, target),
      },
    ]
  },
  reference(attributes, [x]) {
    const { levels, definition } = settings(attributes)
    return [spatialEntropies(x!, levels, definition)]
  },
}
