import { InputError } from './errors.js'
import type { FolderEntry, ReadBeside } from './platform.js'

const refuse = (path: string): InputError =>
  new InputError("paths need Node; in a browser give the bytes instead (a Uint8Array for a model, data of kind 'memory')", { file: path })

export async function readFile(path: string): Promise<Uint8Array> {
  throw refuse(path)
}

export async function listFolder(path: string): Promise<FolderEntry[]> {
  throw refuse(path)
}

export async function exists(path: string): Promise<boolean> {
  throw refuse(path)
}

export function readBeside(model: string): ReadBeside {
  const fail = async () => {
    throw refuse(model)
  }
  return Object.assign(fail, { measure: fail })
}
