/** The binary version of CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html). */
import { exists, readFile } from '#platform'
import { InputError } from '../errors.js'

const pixels = 3 * 32 * 32
/** Label bytes before the pixels: CIFAR-100 has the coarse label (0 .. 19) first and the fine one, which is used, second. */
const labelBytes = { cifar10: 1, cifar100: 2 }
const classes = { cifar10: 10, cifar100: 100 }

export type CifarKind = keyof typeof labelBytes

/** Records one after the other: labels, then the red, the green and the blue plane of 32 x 32. */
export function parseCifar(bytes: Uint8Array, kind: CifarKind, file: string): { images: Uint8Array; labels: Uint8Array } {
  const record = labelBytes[kind] + pixels
  const count = bytes.length / record
  if (!Number.isInteger(count) || count === 0) {
    const other = kind === 'cifar10' ? 'cifar100' : 'cifar10'
    const hint = bytes.length > 0 && bytes.length % (labelBytes[other] + pixels) === 0 ? ` (the size fits ${other}, not ${kind})` : ''
    throw new InputError('truncated, or no CIFAR file', {
      file,
      field: 'data',
      expected: `a multiple of ${record} bytes`,
      found: `${bytes.length} bytes${hint}`,
    })
  }
  const images = new Uint8Array(count * pixels)
  const labels = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const start = i * record
    const label = bytes[start + labelBytes[kind] - 1]
    const coarse = kind === 'cifar100' ? bytes[start] : 0
    if (label >= classes[kind] || coarse >= 20) {
      throw new InputError(`the label of record ${i} is out of range`, {
        file,
        field: 'labels',
        expected: label >= classes[kind] ? `0 .. ${classes[kind] - 1}` : '0 .. 19 (coarse)',
        found: label >= classes[kind] ? label : coarse,
      })
    }
    labels[i] = label
    images.set(bytes.subarray(start + labelBytes[kind], start + record), i * pixels)
  }
  return { images, labels }
}

/** @param limit stop reading further files once that many records are there */
export async function readCifarPart(
  folder: string,
  kind: CifarKind,
  part: 'train' | 'test',
  limit = Number.POSITIVE_INFINITY,
): Promise<{ images: Uint8Array; labels: Uint8Array; classes: number; shape: [number, number, number] }> {
  const parts: { images: Uint8Array; labels: Uint8Array }[] = []
  let count = 0
  for (const name of await fileNames(folder, kind, part)) {
    const file = `${folder}/${name}`
    parts.push(parseCifar(await readFile(file), kind, file))
    count += parts.at(-1)!.labels.length
    if (count >= limit) break
  }
  const images = new Uint8Array(count * pixels)
  const labels = new Uint8Array(count)
  let at = 0
  for (const read of parts) {
    images.set(read.images, at * pixels)
    labels.set(read.labels, at)
    at += read.labels.length
  }
  return { images, labels, classes: classes[kind], shape: [3, 32, 32] }
}

async function fileNames(folder: string, kind: CifarKind, part: 'train' | 'test'): Promise<string[]> {
  const batches = part === 'train' ? [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`) : ['test_batch.bin']
  const single = `${part}.bin`
  if (kind === 'cifar10' && (await exists(`${folder}/${batches[0]}`))) return batches
  if (await exists(`${folder}/${single}`)) return [single]
  const many = part === 'train' ? 'data_batch_1.bin .. data_batch_5.bin' : batches[0]
  const expected = kind === 'cifar10' ? `${many} or ${single}` : single
  throw new InputError(`no ${kind} ${part} file (the binary version)`, { file: folder, expected, found: 'none of them' })
}
