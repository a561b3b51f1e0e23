import type { Judgement } from '@espalier/nn'
import type { Space } from '../space/space.js'

export interface SensitivityPoint extends Judgement {
  /** Share of channels asked to be removed. */
  readonly ratio: number
  /** Channels left. */
  readonly kept: number
}

/** What `--json` prints. */
export interface Sensitivity {
  readonly model: string
  readonly criterion: string
  readonly recalibrate: boolean
  readonly seed: number
  readonly adapter: string
  /** Validation images that judged. */
  readonly images: number
  /** Of the whole network, judged in the same way. */
  readonly accuracy: number
  readonly loss: number
  readonly ratios: readonly number[]
  readonly groups: readonly {
    readonly id: string
    readonly channels: number
    /** The greatest ratio up to which no point is more than 1% below the whole network. */
    readonly tolerated: number
    readonly points: readonly SensitivityPoint[]
  }[]
  readonly fixed: Space['fixed']
  /** Path of the report; null where no records are kept. */
  readonly report: string | null
  readonly seconds: number
}
