/** Files of a run as text and JSON. How they are read and written whole is the platform's. */

import { InputError } from '@espalier/nn'
import { readBytes } from '#platform'

/** The text of a file, or undefined when it is not there. */
export async function readIfThere(path: string): Promise<string | undefined> {
  const bytes = await readBytes(path)
  return bytes && new TextDecoder().decode(bytes)
}

/** JSON of a file of ours; `undefined` when it is not there. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputError('not JSON', { file: path, found: (error as Error).message, cause: error })
  }
}
