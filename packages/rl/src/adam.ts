import { restoreFloats, saveFloats } from './saved.js'

/**
 * Adam (Kingma and Ba 2015, algorithm 1; bias correction as in PyTorch: epsilon is added after the corrected root).
 * Works in place on one flat vector of parameters.
 */
export interface Adam {
  step(parameters: Float64Array, gradient: Float64Array, learningRate: number): void
  state(): AdamState
  restore(state: AdamState): void
}

export interface AdamState {
  readonly count: number
  readonly first: string
  readonly second: string
}

export function adam(size: number, { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = {}): Adam {
  const first = new Float64Array(size)
  const second = new Float64Array(size)
  let count = 0
  return {
    step(parameters, gradient, learningRate) {
      count++
      const rate = learningRate / (1 - beta1 ** count)
      const root = Math.sqrt(1 - beta2 ** count)
      for (let i = 0; i < size; i++) {
        const g = gradient[i]
        const m = (first[i] = beta1 * first[i] + (1 - beta1) * g)
        const v = (second[i] = beta2 * second[i] + (1 - beta2) * g * g)
        parameters[i] -= (rate * m) / (Math.sqrt(v) / root + epsilon)
      }
    },
    state: () => ({ count, first: saveFloats(first), second: saveFloats(second) }),
    restore(state) {
      restoreFloats(first, state.first, 'Adam state')
      restoreFloats(second, state.second, 'Adam state')
      count = state.count
    },
  }
}

/** Scales the gradient so that its Euclidean norm is at most `limit`; gives the norm it had. */
export function clipNorm(gradient: Float64Array, limit: number): number {
  let sum = 0
  for (const g of gradient) sum += g * g
  const norm = Math.sqrt(sum)
  if (norm > limit) {
    const scale = limit / (norm + 1e-6) // 1e-6 as torch.nn.utils.clip_grad_norm_
    for (let i = 0; i < gradient.length; i++) gradient[i] *= scale
  }
  return norm
}
