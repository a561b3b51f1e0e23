import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readBeside } from './platform.node.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-external-'))
  await writeFile(join(folder, 'weights.bin'), Uint8Array.of(1, 2, 3, 4, 5))
  await symlink('/etc/hostname', join(folder, 'link.bin'))
})
afterAll(() => rm(folder, { recursive: true }))

test('weights beside a model are read by range, and only from its folder', async () => {
  const read = readBeside(join(folder, 'model.onnx'))
  expect([...(await read('weights.bin', { offset: 1, length: 3 }))]).toEqual([2, 3, 4])
  expect([...(await read('weights.bin', { offset: 3 }))]).toEqual([4, 5])
  await expect(read('weights.bin', { offset: 3, length: 9 })).rejects.toThrow(/truncated: expected 12 bytes, found 5/)
  await expect(read('nothing.bin', { offset: 0 })).rejects.toThrow(/nothing there/)
  await expect(read('../../etc/hostname', { offset: 0 })).rejects.toThrow()
  await expect(read('.', { offset: 0 })).rejects.toThrow()
  await mkdir(join(folder, 'inside'))
  await expect(read('inside', { offset: 0 })).rejects.toThrow(/expected a file/)
  await expect(read('link.bin', { offset: 0 })).rejects.toThrow(/must lie in the folder/)
})
