/** Plain data that survives JSON to the bit: numbers as they are, arrays of float64 as base64 of their bytes (JSON would lose -0). */
export type Saved = null | boolean | number | string | readonly Saved[] | { readonly [key: string]: Saved }

export function saveFloats(values: ArrayLike<number>): string {
  const bytes = new Uint8Array(Float64Array.from(values).buffer)
  let text = ''
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return btoa(text)
}

export function loadFloats(text: string): Float64Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return new Float64Array(bytes.buffer)
}

/**
 * Copies saved numbers into the array that is in use.
 * @throws TypeError when the saved array has another length: the checkpoint belongs to another problem or other settings
 */
export function restoreFloats(target: Float64Array, text: string, what: string): void {
  const values = loadFloats(text)
  if (values.length !== target.length) {
    throw new TypeError(
      `resume: ${what} has ${values.length} numbers in the checkpoint, expected ${target.length}: other network sizes or another environment`,
    )
  }
  target.set(values)
}
