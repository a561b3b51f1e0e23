/** Small data files for tests, in a folder of their own that goes away with the test. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

export type Files = Record<string, ArrayLike<number>>

/** A new folder with these files; a name that ends in `/` makes an empty folder. */
export async function folderOf(files: Files): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-data-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(name.endsWith('/') ? join(folder, name) : dirname(join(folder, name)), { recursive: true })
    if (!name.endsWith('/')) await writeFile(join(folder, name), Uint8Array.from(bytes))
  }
  return folder
}

/** An IDX file of unsigned bytes. */
export function idx(dims: number[], data: ArrayLike<number>, magic = 0x0800 + dims.length): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * dims.length))
  header.setUint32(0, magic)
  dims.forEach((size, i) => {
    header.setUint32(4 + 4 * i, size)
  })
  return Uint8Array.from([...new Uint8Array(header.buffer), ...Array.from(data)])
}

/** IDX files of 2 x 3 images, image i filled with i. */
export function idxFiles(part: 'train' | 't10k', labels: number[]): Files {
  const pixels = labels.flatMap((_, i) => new Array<number>(6).fill(i))
  return {
    [`${part}-images-idx3-ubyte`]: idx([labels.length, 2, 3], pixels),
    [`${part}-labels-idx1-ubyte`]: idx([labels.length], labels),
  }
}

/** CIFAR records: label bytes, then planes filled with 10 i, 10 i + 1, 10 i + 2 for record i. */
export function cifar(labels: number[][]): Uint8Array {
  return Uint8Array.from(labels.flatMap((bytes, i) => [...bytes, ...Array.from({ length: 3072 }, (_, p) => 10 * i + Math.floor(p / 1024))]))
}
