import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { InputError } from '../errors.js'
import { openData } from './open.js'
import { folderOf, idx, idxFiles } from './testing/files.js'

test('IDX files are read plain, gzipped and with a dot in their names', async () => {
  const train = idxFiles('train', [1, 0, 2, 1])
  const test10k = idxFiles('t10k', [2, 0])
  const folder = await folderOf({
    ...train,
    't10k-images.idx3-ubyte.gz': gzipSync(Uint8Array.from(test10k['t10k-images-idx3-ubyte'])),
    't10k-labels.idx1-ubyte': test10k['t10k-labels-idx1-ubyte'],
  })
  const data = await openData(`idx:${folder}`)
  const dataset = await data.train()
  expect(dataset).toMatchObject({ classes: 3, shape: [1, 2, 3], count: 4 })
  expect([...dataset.labels]).toEqual([1, 0, 2, 1])
  expect([...dataset.images.subarray(6, 18)]).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2])
  expect(await data.train()).toBe(dataset)
  expect(await data.test()).toMatchObject({ classes: 3, count: 2 })
})

test('limit keeps the first images of each part', async () => {
  const folder = await folderOf({ ...idxFiles('train', [0, 1, 0, 2]), ...idxFiles('t10k', [2, 0, 1]) })
  const data = await openData(`idx:${folder},limit=2`)
  expect([...(await data.test()).labels]).toEqual([2, 0])
  await expect(data.train()).rejects.toThrow(
    /limit: the limit is too small: expected .*, found limit=2, class 2 has none among the first 2/,
  )
  expect((await (await openData(`idx:${folder},limit=99`)).train()).count).toBe(4)
})

test('a test set alone is enough to judge, and never touches the training images', async () => {
  const alone = await folderOf(idxFiles('t10k', [0, 1, 1]))
  expect(await (await openData(`idx:${alone}`)).test()).toMatchObject({ classes: 2, count: 3 })
  const broken = await folderOf({ ...idxFiles('train', [0, 1, 2]), 'train-images-idx3-ubyte': [1, 2], ...idxFiles('t10k', [0, 1]) })
  const data = await openData(`idx:${broken}`)
  expect(await data.test()).toMatchObject({ classes: 3, count: 2 })
  await expect(data.train()).rejects.toThrow('train-images-idx3-ubyte')
})

const images = 'train-images-idx3-ubyte'
const labels = 'train-labels-idx1-ubyte'
const good = idxFiles('train', [0, 1, 2])
test.each([
  ['a wrong magic number', { [images]: idx([3, 2, 3], new Array(18), 0x0d03) }, [images, 'magic number', '0x00000803', '0x00000d03']],
  ['labels in place of images', { [images]: good[labels] }, [images, 'magic number', '0x00000803', '0x00000801']],
  ['a truncated file', { [images]: Array.from(good[images]).slice(0, -4) }, [images, 'truncated', '34 bytes for 3 x 2 x 3', '30 bytes']],
  ['a truncated header', { [images]: Array.from(good[images]).slice(0, 9) }, [images, 'truncated', '16 bytes', '9 bytes']],
  ['an empty file', { [images]: [] }, [images, 'truncated', '16 bytes', '0 bytes']],
  ['bytes left over', { [labels]: [...Array.from(good[labels]), 7] }, [labels, 'left over', '11 bytes', '12 bytes']],
  ['truncated gzip', { [images]: gzipSync(Uint8Array.from(good[images])).subarray(0, 30) }, [images, 'gzip', 'unexpected end of file']],
  ['another number of labels', { [labels]: idx([2], [0, 1]) }, [labels, 'do not match', '3 labels', 'found 2']],
  ['no image at all', { [images]: idx([0, 2, 3], []), [labels]: idx([0], []) }, [labels, 'dimension', 'found 0']],
  [
    'an empty class',
    { [labels]: idx([3], [0, 2, 2]) },
    [labels, 'class 1 is empty', 'at least one image of each of 3', 'none of class 1 in 3'],
  ],
])('%s is an error that names file, expected and found', async (_, change, parts) => {
  const data = await openData({ kind: 'idx', path: await folderOf({ ...good, ...change }) })
  const error = await data.train().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(InputError)
  for (const part of parts) expect(String(error)).toContain(part)
})

test('labels and shapes must fit the network they are for', async () => {
  const path = await folderOf({ ...good, ...idxFiles('t10k', [0, 3]) })
  await expect((await openData({ kind: 'idx', path })).test()).rejects.toThrow(
    /t10k-labels.*record 1 is out of range: expected 0 .. 2, found 3/,
  )
  await expect((await openData({ kind: 'idx', path }, { classes: 2 })).train()).rejects.toThrow('expected 0 .. 1, found 2')
  await expect((await openData({ kind: 'idx', path }, { classes: 4 })).train()).rejects.toThrow('class 3 is empty')
  expect(await (await openData({ kind: 'idx', path }, { classes: 4 })).test()).toMatchObject({ classes: 4 })
  await expect((await openData({ kind: 'idx', path }, { size: [1, 28, 28] })).train()).rejects.toThrow('expected 1x28x28, found 1x2x3')
})

test('gzip that has no end, or says that it is larger than there is memory for, is refused while it comes', async () => {
  const labels = (bytes: Uint8Array) => ({ ...good, 'train-labels-idx1-ubyte': [], 'train-labels-idx1-ubyte.gz': bytes })
  const read = async (bytes: Uint8Array, memoryLimit?: number) => {
    const { 'train-labels-idx1-ubyte': _, ...files } = labels(bytes)
    return (await openData({ kind: 'idx', path: await folderOf(files) }, { memoryLimit })).train()
  }
  const header = (count: number) => Uint8Array.of(0, 0, 8, 1, count >>> 24, (count >>> 16) & 255, (count >>> 8) & 255, count & 255)
  await expect(read(gzipSync(Buffer.concat([header(3), Buffer.alloc(1e8)])))).rejects.toThrow(
    /bytes left over: expected 11 bytes for 3, found \d{3,6} bytes/,
  )
  await expect(read(gzipSync(header(2 ** 32 - 1)))).rejects.toThrow(
    /takes too much memory: expected at most \d+ bytes for \d+ on disk \(the option memoryLimit raises it\), found 4294967303 bytes/,
  )
  await expect(read(gzipSync(Buffer.concat([header(300), new Uint8Array(300)])), 200)).rejects.toThrow('at most 200 bytes')
  await expect(read(gzipSync(Buffer.concat([header(300), new Uint8Array(299)])))).rejects.toThrow('truncated')
  await expect(read(gzipSync(header(3).subarray(0, 5)))).rejects.toThrow('header: truncated: expected 8 bytes, found 5 bytes')
})

test('folders and files that are not there are named', async () => {
  await expect(openData('idx:/no/such/folder')).rejects.toThrow('/no/such/folder: cannot be read: expected a folder, found nothing there')
  const folder = await folderOf({ file: [1], ...idxFiles('t10k', [0]) })
  await expect(openData(`idx:${folder}/file`)).rejects.toThrow('expected a folder, found not a folder')
  await expect((await openData(`idx:${folder}`)).train()).rejects.toThrow(/train-labels: no IDX file: expected train-labels-idx1-ubyte or/)
})

test('a test set of some size must hold every class, unless it was cut', async () => {
  const path = await folderOf(
    idxFiles(
      't10k',
      Array.from({ length: 60 }, (_, i) => [0, 1, 3][i % 3]),
    ),
  )
  await expect((await openData({ kind: 'idx', path })).test()).rejects.toThrow('class 2 is empty')
  expect((await (await openData({ kind: 'idx', path, limit: 50 })).test()).count).toBe(50)
})
