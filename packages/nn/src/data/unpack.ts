/** Compressed bytes, of which a few may become any number: what comes out is counted while it comes. */

/** Of deflate: no byte becomes more. */
export const mostPerByte = 1032

/**
 * Unpacks as long as `take` wants more.
 * @param take called with what comes out, part by part; false ends it
 * @throws what the decompression says of damaged data
 */
export async function unpack(bytes: Uint8Array, format: 'gzip' | 'deflate', take: (part: Uint8Array) => boolean): Promise<void> {
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream(format)).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    if (take(value)) continue
    await reader.cancel().catch(() => {})
    return
  }
}
