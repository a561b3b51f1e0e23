/** Files in memory behave as those of the disk. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as memory from './platform.browser.js'
import * as disk from './platform.node.js'
import { digest } from './run/run.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-platform-'))
})
afterAll(() => rm(folder, { recursive: true }))

const both: [string, typeof disk | typeof memory, () => string][] = [
  ['memory', memory, () => '/page'],
  ['disk', disk, () => folder],
]

describe.each(both)('%s', (_, files, root) => {
  test('files and folders', async () => {
    const text = async (path: string): Promise<string> => new TextDecoder().decode(await files.readBytes(path))
    const run = files.join(root(), 'a', 'run')
    const file = files.join(run, 'records')
    await files.makeFolder(run, '--run')
    expect([await files.kindOf(run), await files.kindOf(file), await files.namesIn(run)]).toEqual(['folder', undefined, []])
    expect([await files.readBytes(file), await files.sizeOf(file)]).toEqual([undefined, 0])
    await files.writeWhole(file, 'ä\n')
    await files.append(file, 'b')
    expect([await files.kindOf(file), await files.sizeOf(file), await text(file)]).toEqual(['file', 4, 'ä\nb'])
    await files.truncate(file, 3)
    await files.writeWhole(files.join(run, 'other'), Uint8Array.of(1, 2))
    expect([await text(file), (await files.namesIn(run)).sort()]).toEqual(['ä\n', ['other', 'records']])
    const aside = `${run}.1`
    await files.move(run, aside)
    expect([await files.kindOf(run), await text(files.join(aside, 'records'))]).toEqual([undefined, 'ä\n'])
    await files.removeEmpty(aside)
    expect(await files.kindOf(aside)).toBe('folder')
    await files.remove(files.join(aside, 'other'))
    await files.remove(files.join(aside, 'records'))
    await files.removeEmpty(aside)
    expect(await files.kindOf(aside)).toBe(undefined)
    await files.remove(aside)
  })

  test('what is refused', async () => {
    const file = files.join(root(), 'model.onnx')
    await files.writeWhole(file, 'x')
    await expect(files.checkNotOver(file, files.join(root(), '.', 'model.onnx'), 'the model')).rejects.toThrow(/is the model itself/)
    await files.checkNotOver(files.join(root(), 'out.onnx'), file, 'the model')
    await expect(files.makeFolder(files.join(file, 'run'), '--run')).rejects.toThrow(
      /--run: cannot be written.*found a file where a folder must be/,
    )
    await files.makeFolder(files.join(root(), 'run'), '--run')
    await expect(files.checkWritable(files.join(root(), 'run'), '--out')).rejects.toThrow(/expected the name of a file, found a folder/)
    await expect(files.readBytes(files.join(root(), 'run'))).rejects.toThrow(/cannot be read: found a folder/)
  })
})

test('a page has no commands, and the digest is SHA-256 everywhere', async () => {
  expect(() => memory.commandCost()).toThrow(/need Node/)
  await expect(memory.importModule()).rejects.toThrow(/need Node/)
  expect(await digest(new TextEncoder().encode('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
