import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { classCounts } from './dataset.js'
import { openData } from './open.js'
import { makeShapes } from './shapes.js'

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16)

test('shapes are the same bytes everywhere', () => {
  const some = makeShapes('train', 0, 100)
  expect(digest(some.images)).toBe('e60c64fafc93baf9')
  expect(digest(makeShapes('test', 0).images)).toBe('8a8db68132db054b')
  expect(digest(makeShapes('train', 1, 100).images)).not.toBe(digest(some.images))
  expect(digest(makeShapes('test', 0, 100).images)).not.toBe(digest(some.images))
})

test('a limit gives the first images, classes in turn', async () => {
  const data = await openData('shapes,limit=30', { seed: 5 })
  const train = await data.train()
  expect(train).toMatchObject({ classes: 10, shape: [3, 24, 24], count: 30 })
  expect(train.classNames?.[9]).toBe('checkers')
  expect(classCounts(train)).toEqual(new Array(10).fill(3))
  expect([...train.images]).toEqual([...makeShapes('train', 5, 60).images.subarray(0, train.images.length)])
  expect((await (await openData('shapes')).test()).count).toBe(1000)
  await expect((await openData('shapes,limit=9')).train()).rejects.toThrow('limit=9, class 9 (checkers) has none among the first 9 images')
  await expect((await openData('shapes,limit=10', { size: [3, 32, 32] })).train()).rejects.toThrow('expected 3x32x32, found 3x24x24')
})
