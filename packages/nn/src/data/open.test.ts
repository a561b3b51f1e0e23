import { expect, test } from 'vitest'
import * as browser from '../platform.browser.js'
import { openData } from './open.js'
import { parseDataSpec } from './spec.js'

test('a specification is read as interface says', () => {
  expect(parseDataSpec('idx:/data/mnist')).toEqual({ kind: 'idx', path: '/data/mnist' })
  expect(parseDataSpec('cifar10:a,b/c,limit=500')).toEqual({ kind: 'cifar10', path: 'a,b/c', limit: 500 })
  expect(parseDataSpec('images:C:\\x=y')).toEqual({ kind: 'images', path: 'C:\\x=y' })
  expect(parseDataSpec('shapes,limit=10')).toEqual({ kind: 'shapes', limit: 10 })
})

test.each([
  ['mnist:/x', /--data: unknown kind of data: expected idx:DIR .*cifar10:DIR, cifar100:DIR, images:DIR .*shapes.*found 'mnist:\/x'/],
  ['', "found ''"],
  ['/just/a/path', 'unknown kind of data'],
  ['toString:/x', 'unknown kind of data'],
  ['idx', 'the path is missing: expected idx:DIR'],
  ['cifar10:', 'the path is missing'],
  ['shapes:dir', 'shapes takes no path'],
  ['idx:/x,limit=0', 'limit of the data: not a number of images: expected a whole number from 1, found 0'],
  ['idx:/x,limit=', 'a whole number from 1'],
  ['idx:/x,limit=1.5', 'found 1.5'],
  ['idx:/x,limit=many', 'found many'],
  ['idx:/x,size=3', "unknown option 'size': expected limit=N"],
  ['shapes,limit=1,limit=2', 'limit is given twice'],
])('%s is refused', async (text, message) => {
  expect(() => parseDataSpec(text)).toThrow(message)
  await expect(openData(text)).rejects.toThrow(message)
})

const memory = { images: Uint8Array.of(1, 2, 3, 4, 5, 6), labels: [0, 1, 0], shape: [1, 1, 2] as const, classes: 2 }

test('data in memory', async () => {
  const data = await openData({ kind: 'memory', train: memory, limit: 2 })
  expect(await data.train()).toMatchObject({
    name: 'memory',
    count: 2,
    classes: 2,
    images: Uint8Array.of(1, 2, 3, 4),
    labels: Uint32Array.of(0, 1),
  })
  await expect(data.test()).rejects.toThrow("memory (test): these data are not given: expected { kind: 'memory', test:")
})

test.each([
  [{ ...memory, images: new Uint8Array(5) }, 'images and labels do not match: expected 6 bytes for 3 x 1 x 1 x 2, found 5 bytes'],
  [{ ...memory, labels: [0, 2, 0] }, 'record 1 is out of range: expected 0 .. 1, found 2'],
  [{ ...memory, labels: [0, -1, 0] }, 'found -1'],
  [{ ...memory, labels: [0, 0.5, 0] }, 'found 0.5'],
  [{ ...memory, labels: [0, 0, 0] }, 'class 1 is empty'],
  [{ ...memory, images: new Uint8Array(0), labels: [] }, 'no image'],
  [{ ...memory, classNames: ['a'] }, 'wrong number of class names'],
])('memory %# is refused', async (train, message) => {
  await expect((await openData({ kind: 'memory', name: 'mine', train })).train()).rejects.toThrow(message)
})

test('in a browser a path is refused with what to do instead', async () => {
  for (const read of [browser.readFile, browser.listFolder, browser.exists]) {
    await expect(read('a/b')).rejects.toThrow('a/b: paths need Node; in a browser give the bytes instead')
  }
})
