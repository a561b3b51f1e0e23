import type { NdArray } from '../operation.js'

/** SGD with momentum, PyTorch's form: g += decay theta; v = momentum v + g; theta -= rate v (or rate (g + momentum v), Nesterov). */
export function sgdStep(theta: NdArray, gradient: NdArray, velocity: NdArray, hyper: NdArray, keep?: NdArray): NdArray[] {
  const [rate, momentum, decay, nesterov] = hyper.data
  const v = velocity.data.map((value, i) => momentum * value + gradient.data[i] + decay * theta.data[i])
  const moved = theta.data.map((value, i) => {
    const g = gradient.data[i] + decay * value
    return value - rate * (nesterov ? g + momentum * v[i] : v[i])
  })
  return [
    { shape: theta.shape, data: kept(moved, keep) },
    { shape: theta.shape, data: v },
  ]
}

const kept = (data: Float64Array, keep?: NdArray) => data.map((value, i) => (keep?.data[i] === 0 ? 0 : value))

/** Adam with decoupled weight decay. */
export function adamStep(theta: NdArray, gradient: NdArray, m: NdArray, v: NdArray, hyper: NdArray, keep?: NdArray): NdArray[] {
  const [rate, beta1, beta2, epsilon, decay, step] = hyper.data
  const first = m.data.map((value, i) => beta1 * value + (1 - beta1) * gradient.data[i])
  const second = v.data.map((value, i) => beta2 * value + (1 - beta2) * gradient.data[i] ** 2)
  const moved = theta.data.map((value, i) => {
    const direction = first[i] / (1 - beta1 ** step) / (Math.sqrt(second[i] / (1 - beta2 ** step)) + epsilon)
    return value - rate * (direction + decay * value)
  })
  return [kept(moved, keep), first, second].map((data) => ({ shape: theta.shape, data }))
}
