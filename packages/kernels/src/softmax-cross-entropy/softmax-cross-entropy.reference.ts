import { elements, type NdArray, type Shape } from '../operation.js'

/** Visits the rows of `axis`: the index of each row's first element, and the distance between its elements. */
function forRows(shape: Shape, axis: number, visit: (first: number, stride: number) => void): void {
  const inner = elements(shape.slice(axis + 1))
  for (let outer = 0; outer < elements(shape.slice(0, axis)); outer++) {
    for (let i = 0; i < inner; i++) visit(outer * shape[axis] * inner + i, inner)
  }
}

export function softmaxOf(x: NdArray, axis: number): NdArray {
  const data = new Float64Array(x.data.length)
  forRows(x.shape, axis, (first, stride) => {
    const indices = Array.from({ length: x.shape[axis] }, (_, k) => first + k * stride)
    const most = Math.max(...indices.map((i) => x.data[i]))
    const sum = indices.reduce((total, i) => total + Math.exp(x.data[i] - most), 0)
    for (const i of indices) data[i] = Math.exp(x.data[i] - most) / sum
  })
  return { shape: x.shape, data }
}

export function softmaxGradientOf(y: NdArray, dy: NdArray, axis: number): NdArray {
  const data = new Float64Array(y.data.length)
  forRows(y.shape, axis, (first, stride) => {
    let dot = 0
    for (let k = 0; k < y.shape[axis]; k++) dot += y.data[first + k * stride] * dy.data[first + k * stride]
    for (let k = 0; k < y.shape[axis]; k++) data[first + k * stride] = y.data[first + k * stride] * (dy.data[first + k * stride] - dot)
  })
  return { shape: y.shape, data }
}

export function logSoftmaxOf(x: NdArray, axis: number): NdArray {
  const data = new Float64Array(x.data.length)
  forRows(x.shape, axis, (first, stride) => {
    const indices = Array.from({ length: x.shape[axis] }, (_, k) => first + k * stride)
    const most = Math.max(...indices.map((i) => x.data[i]))
    const sum = indices.reduce((total, i) => total + Math.exp(x.data[i] - most), 0)
    for (const i of indices) data[i] = x.data[i] - most - Math.log(sum)
  })
  return { shape: x.shape, data }
}

export function logSoftmaxGradientOf(y: NdArray, dy: NdArray, axis: number): NdArray {
  const data = new Float64Array(y.data.length)
  forRows(y.shape, axis, (first, stride) => {
    let sum = 0
    for (let k = 0; k < y.shape[axis]; k++) sum += dy.data[first + k * stride]
    for (let k = 0; k < y.shape[axis]; k++)
      data[first + k * stride] = dy.data[first + k * stride] - Math.exp(y.data[first + k * stride]) * sum
  })
  return { shape: y.shape, data }
}

/** T^2 KL(softmax(teacher / T) || softmax(student / T)) per image, and the gradient of the mean loss by the student's logits. */
export function distillation(student: NdArray, teacher: NdArray, temperature: number): [NdArray, NdArray] {
  const [images, classes] = student.shape
  const soften = ({ shape, data }: NdArray): NdArray => ({ shape, data: data.map((z) => z / temperature) })
  const [logS, logT] = [student, teacher].map((logits) => logSoftmaxOf(soften(logits), 1).data)
  const loss = new Float64Array(images)
  const gradient = logS.map((s, i) => {
    loss[Math.floor(i / classes)] += temperature ** 2 * Math.exp(logT[i]) * (logT[i] - s)
    return (temperature * (Math.exp(s) - Math.exp(logT[i]))) / images
  })
  return [
    { shape: [images], data: loss },
    { shape: student.shape, data: gradient },
  ]
}

/** Loss per image against (1 - s) onehot(label) + s / K, and the gradient of the mean loss by the logits. */
export function crossEntropy(logits: NdArray, labels: NdArray, smoothing: number): [NdArray, NdArray] {
  const [images, classes] = logits.shape
  const probabilities = softmaxOf(logits, 1)
  const loss = new Float64Array(images)
  const gradient = new Float64Array(logits.data.length)
  for (let n = 0; n < images; n++) {
    const row = logits.data.subarray(n * classes, (n + 1) * classes)
    const most = Math.max(...row)
    const logSum = most + Math.log(row.reduce((sum, z) => sum + Math.exp(z - most), 0))
    for (let k = 0; k < classes; k++) {
      const target = (k === labels.data[n] ? 1 - smoothing : 0) + smoothing / classes
      loss[n] -= target * (row[k] - logSum)
      gradient[n * classes + k] = (probabilities.data[n * classes + k] - target) / images
    }
  }
  return [
    { shape: [images], data: loss },
    { shape: logits.shape, data: gradient },
  ]
}
