import { expect, test } from 'vitest'
import { openData } from './open.js'
import { cifar, folderOf } from './testing/files.js'

const tens = Array.from({ length: 10 }, (_, i) => [i])

test('CIFAR-10 as one file or as five batches', async () => {
  const batches = Object.fromEntries([1, 2, 3, 4, 5].map((b) => [`data_batch_${b}.bin`, cifar(tens.slice(2 * b - 2, 2 * b))]))
  const five = await openData(`cifar10:${await folderOf({ ...batches, 'test_batch.bin': cifar([[3], [0]]) })}`)
  const one = await openData(`cifar10:${await folderOf({ 'train.bin': cifar(tens), 'test.bin': cifar(tens) })}`)
  expect(await one.train()).toMatchObject({ classes: 10, shape: [3, 32, 32], count: 10 })
  expect([...(await one.train()).labels]).toEqual([...(await five.train()).labels])
  const { images, classNames } = await one.train()
  expect([images[0], images[1024], images[3071], images[3072], images[3072 + 2048]]).toEqual([0, 1, 2, 10, 12])
  expect(classNames?.[3]).toBe('cat')
  expect([...(await five.test()).labels]).toEqual([3, 0])
})

test('limit reads no more batches than it needs', async () => {
  const folder = await folderOf({ 'data_batch_1.bin': cifar(tens), 'test_batch.bin': cifar([[3], [0]]) })
  expect((await (await openData(`cifar10:${folder},limit=10`)).train()).count).toBe(10)
  expect((await (await openData(`cifar10:${folder},limit=1`)).test()).count).toBe(1)
  await expect((await openData(`cifar10:${folder}`)).train()).rejects.toThrow('data_batch_2.bin: cannot be read')
})

test('CIFAR-100 takes the fine label', async () => {
  const hundred = Array.from({ length: 100 }, (_, i) => [i % 20, 99 - i])
  const folder = await folderOf({
    'train.bin': cifar(hundred.map(([c, f]) => [c, f])),
    'test.bin': cifar([
      [19, 0],
      [20, 1],
    ]),
  })
  const data = await openData(`cifar100:${folder}`)
  expect(await data.train()).toMatchObject({ classes: 100, count: 100 })
  expect((await data.train()).labels[0]).toBe(99)
  await expect(data.test()).rejects.toThrow('record 1 is out of range: expected 0 .. 19 (coarse), found 20')
})

test.each([
  [
    'truncated',
    'cifar10',
    cifar(tens).subarray(0, -1),
    'truncated, or no CIFAR file: expected a multiple of 3073 bytes, found 30729 bytes',
  ],
  ['empty', 'cifar10', new Uint8Array(0), 'expected a multiple of 3073 bytes, found 0 bytes'],
  [
    'the other kind',
    'cifar10',
    cifar([
      [0, 0],
      [1, 1],
    ]),
    'found 6148 bytes (the size fits cifar100, not cifar10)',
  ],
  ['a label out of range', 'cifar10', cifar([[0], [10]]), 'labels: the label of record 1 is out of range: expected 0 .. 9, found 10'],
  ['a fine label out of range', 'cifar100', cifar([[0, 100]]), 'expected 0 .. 99, found 100'],
  ['a missing class', 'cifar10', cifar(tens.slice(0, 9)), 'class 9 (truck) is empty'],
])('%s is an error', async (_, kind, bytes, message) => {
  const folder = await folderOf({ 'train.bin': bytes })
  const data = await openData(`${kind}:${folder}`)
  await expect(data.train()).rejects.toThrow(message)
  await expect(data.train()).rejects.toThrow(folder)
  await expect(data.test()).rejects.toThrow(`no ${kind} test file`)
})
