/** Files in memory behave as those of the disk. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
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

test('a folder belongs to one run at a time, and to no dead one', async () => {
  const run = join(folder, 'locked')
  const path = `${run}.lock`
  const release = await disk.lock(run, '--run')
  await expect(disk.lock(run, '--run')).rejects.toThrow(
    new RegExp(`locked: --run: belongs to a run that is under way.*found process ${process.pid} on ${hostname()}, since 20`),
  )
  const own = JSON.parse(await readFile(path, 'utf8')) as object
  await release()
  expect(existsSync(path)).toBe(false)

  const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
  const ended = new Promise((done) => other.once('exit', done))
  const leave = (owner: object) => writeFile(path, JSON.stringify({ ...own, pid: other.pid, began: null, ...owner }))
  const isRefused = () =>
    disk.lock(run, '--run').then(
      (release) => release().then(() => false),
      () => true,
    )
  await leave({})
  expect(await isRefused()).toBe(true)
  // The number was used again.
  if (process.platform === 'linux') {
    await leave({ began: '1' })
    expect(await isRefused()).toBe(false)
  }
  await leave({ host: 'elsewhere' })
  expect(await isRefused()).toBe(true)
  const past = new Date(Date.now() - 3_600_000)
  await utimes(path, past, past)
  expect(await isRefused()).toBe(false)
  await leave({})
  other.kill('SIGKILL')
  await ended
  expect(await isRefused()).toBe(false)
  await writeFile(path, 'half of i')
  expect(await isRefused()).toBe(false)
  // Of those who find a dead one at the same time one has it.
  await leave({})
  const all = await Promise.allSettled(Array.from({ length: 5 }, () => disk.lock(run, '--run')))
  expect(all.filter(({ status }) => status === 'fulfilled').length).toBe(1)
  for (const each of all) if (each.status === 'fulfilled') await each.value()

  const leaveMemory = await memory.lock('a', '--run')
  await expect(memory.lock('/a/', '--run')).rejects.toThrow(/under way/)
  await leaveMemory()
  await (await memory.lock('a', '--run'))()
})
