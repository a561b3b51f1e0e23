import { listFolder } from '#platform'
import { InputError } from '../errors.js'
import { readCifarPart } from './cifar.js'
import { checkClasses, checkLabels, type Dataset, first } from './dataset.js'
import { readIdxLabels, readIdxPart } from './idx.js'
import { readImagesPart } from './images.js'
import { makeShapes } from './shapes.js'
import { checkLimit, type DataSpec, type MemoryData, parseDataSpec } from './spec.js'

/** Both parts are read when they are first asked for, and kept: judging reads no training images, a search no test images. */
export interface Data {
  readonly spec: DataSpec
  train(): Promise<Dataset>
  test(): Promise<Dataset>
}

export interface DataOptions {
  /** What `shapes` is made from; 0 by default. */
  readonly seed?: number
  /** [C, H, W] a network expects: images of a folder are resized to it, all other data must have it. */
  readonly size?: readonly [number, number, number]
  /**
   * Bytes of memory that a part of the data may take. When absent, 4 GiB for a folder of images, and for a file that is unpacked 1 GiB and 16
   * bytes for each on disk.
   */
  readonly memoryLimit?: number
  /** Classes a network has: labels must be below it, and training data must hold every one. */
  readonly classes?: number
}

/**
 * Opens data for training and judging. `test` is the test set, or `val` of an image folder.
 * @throws InputError for a specification or folder that is wrong; wrong files show when a part is read
 */
export async function openData(from: string | DataSpec, options: DataOptions = {}): Promise<Data> {
  const spec = typeof from === 'string' ? parseDataSpec(from) : from
  if (spec.limit !== undefined) checkLimit(spec.limit)
  if ('path' in spec) await listFolder(spec.path)
  const held: { train?: Promise<Dataset>; test?: Promise<Dataset> } = {}
  const part = (name: 'train' | 'test') => () => (held[name] ??= readPart(spec, name, options))
  return { spec, train: part('train'), test: part('test') }
}

async function readPart(spec: DataSpec, part: 'train' | 'test', options: DataOptions): Promise<Dataset> {
  const { dataset, file } = await readers[spec.kind](spec as never, part, options)
  const { size, classes } = options
  if (classes !== undefined && dataset.classes !== classes) {
    throw new InputError('the classes do not match the network', { file, field: 'classes', expected: classes, found: dataset.classes })
  }
  if (size && String(size) !== String(dataset.shape)) {
    throw new InputError('the images do not fit the network', {
      file: 'path' in spec ? spec.path : file,
      field: 'shape',
      expected: size.join('x'),
      found: dataset.shape.join('x'),
    })
  }
  if (part === 'train') checkClasses(dataset, file, spec.limit)
  // A small test set, or one cut short, may lack a class by chance, and none tells of classes above its highest label.
  else if (dataset.count !== spec.limit && dataset.count >= 10 * dataset.classes) {
    checkClasses(
      dataset,
      file,
      undefined,
      dataset.labels.reduce((a, b) => Math.max(a, b), 0),
    )
  }
  return dataset
}

type Read = { dataset: Dataset; file: string }
type FileSpec = Extract<DataSpec, { path: string }>

const readers: Record<DataSpec['kind'], (spec: never, part: 'train' | 'test', options: DataOptions) => Promise<Read>> = {
  async idx({ path, limit }: FileSpec, part, options) {
    const { images, labels, shape, file } = await readIdxPart(path, part === 'train' ? 'train' : 't10k', options.memoryLimit)
    const classes = options.classes ?? (part === 'train' ? highest(labels) + 1 : await idxClasses(path, labels, options.memoryLimit))
    checkLabels(labels, classes, file)
    return { file, dataset: first({ name: 'idx', classes, shape, count: labels.length, images, labels: Uint32Array.from(labels) }, limit) }
  },
  async cifar10({ path, limit }: FileSpec, part) {
    return readCifar('cifar10', path, part, limit)
  },
  async cifar100({ path, limit }: FileSpec, part) {
    return readCifar('cifar100', path, part, limit)
  },
  async images({ path, limit }: FileSpec, part, { size, memoryLimit }) {
    const name = part === 'train' ? 'train' : 'val'
    return { file: `${path}/${name}`, dataset: await readImagesPart(path, name, { size, limit, memoryLimit }) }
  },
  async shapes({ limit }: DataSpec, part, { seed }) {
    return { file: 'shapes', dataset: makeShapes(part, seed ?? 0, limit) }
  },
  async memory({ name = 'memory', limit, train, test }: Extract<DataSpec, { kind: 'memory' }>, part) {
    const file = `${name} (${part})`
    const given = part === 'train' ? train : test
    if (!given)
      throw new InputError('these data are not given', {
        file,
        expected: `{ kind: 'memory', ${part}: { images, labels, shape, classes } }`,
        found: 'nothing',
      })
    return { file, dataset: first(fromMemory(given, name, file), limit) }
  },
}

async function readCifar(kind: 'cifar10' | 'cifar100', path: string, part: 'train' | 'test', limit?: number): Promise<Read> {
  const { images, labels, classes, shape } = await readCifarPart(path, kind, part, limit)
  const dataset: Dataset = { name: kind, classes, shape, count: labels.length, images, labels: Uint32Array.from(labels) }
  return { file: `${path} (${part})`, dataset: first(kind === 'cifar10' ? { ...dataset, classNames: cifar10Names } : dataset, limit) }
}

const cifar10Names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']

/** The training labels say how many classes an IDX test set has; without them, its own do. */
async function idxClasses(folder: string, labels: Uint8Array, memoryLimit?: number): Promise<number> {
  const names = (await listFolder(folder)).map(({ name }) => name)
  if (!names.some((name) => /^train-labels[-.]idx1-ubyte(\.gz)?$/.test(name))) return highest(labels) + 1
  return highest((await readIdxLabels(folder, 'train', memoryLimit)).labels) + 1
}

const highest = (labels: Uint8Array) => labels.reduce((a, b) => Math.max(a, b), 0)

function fromMemory({ images, labels, shape, classes, classNames }: MemoryData, name: string, file: string): Dataset {
  const count = labels.length
  const size = count * shape.reduce((a, b) => a * b, 1)
  if (!Number.isInteger(classes) || classes < 1)
    throw new InputError('not a number of classes', { file, field: 'classes', expected: 'a whole number from 1', found: classes })
  if (shape.length !== 3 || !shape.every((each) => Number.isSafeInteger(each) && each > 0))
    throw new InputError('not the size of an image', { file, field: 'shape', expected: 'C x H x W from 1 up', found: shape.join(' x ') })
  if (count === 0) throw new InputError('no image', { file, field: 'labels', expected: 'at least 1', found: 0 })
  if (images.length !== size) {
    throw new InputError('images and labels do not match', {
      file,
      field: 'images',
      expected: `${size} bytes for ${count} x ${shape.join(' x ')}`,
      found: `${images.length} bytes`,
    })
  }
  if (classNames && classNames.length !== classes) {
    throw new InputError('wrong number of class names', { file, field: 'classNames', expected: classes, found: classNames.length })
  }
  checkLabels(labels, classes, file)
  return { name, classes, classNames, shape: [shape[0], shape[1], shape[2]], count, images, labels: Uint32Array.from(labels) }
}
