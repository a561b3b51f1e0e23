/** Where the shared cases and models lie. Tests that need them are registered when the folder is there, and then fail for a file that is not. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Graph } from '../../graph.js'
import { importOnnx } from '../../onnx/index.js'

const root = process.env.ESPALIER_SHARED ?? fileURLToPath(new URL('../../../../../../shared', import.meta.url))

export const hasShared = existsSync(root)

export function sharedGraph(path: string): Promise<Graph> {
  return importOnnx(readFileSync(`${root}/${path}`), { file: path })
}

export function sharedJson<T>(path: string): T {
  return JSON.parse(readFileSync(`${root}/${path}`, 'utf8')) as T
}
