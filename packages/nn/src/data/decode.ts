/** PNG and JPEG to bytes, and resizing. */
import { convertIndexedToRgb, decode as decodePng, hasPngSignature } from 'fast-png'
import jpeg from 'jpeg-js'
import { InputError } from '../errors.js'
import { mostPerByte, unpack } from './unpack.js'

/** 8 bits per channel, one plane per channel (CHW). */
export interface Picture {
  readonly channels: 1 | 3
  readonly height: number
  readonly width: number
  readonly data: Uint8Array
}

/** Pixels of one image, and bytes of its samples: decoding takes four times as much. */
const [mostPixels, mostBytes] = [2 ** 26, 2 ** 28]
/** The same of a JPEG: 32 bytes of memory each. */
const mostJpegPixels = 2 ** 25
/** Pixels of a JPEG for each of its bytes: every block of 64 takes a bit at least. */
const pixelsPerByte = 512
/** Pixels that all scans of a progressive JPEG may go over. */
const mostScanned = 2 ** 30

/** `decodePicture` for files of which nothing is known: a PNG may unpack to far more than its pixels. */
export async function readPicture(bytes: Uint8Array, file: string): Promise<Picture> {
  const chunks = bytes.length >= 8 && hasPngSignature(bytes) ? pngChunks(bytes) : undefined
  const data = chunks?.filter(({ type }) => type === 'IDAT').map(({ from, to }) => bytes.subarray(from, to)) ?? []
  const packed = data.reduce((sum, part) => sum + part.length, 0)
  if (packed * mostPerByte > mostBytes && chunks![0].type === 'IHDR') {
    const { pixels, sampleBytes } = pngSize(bytes, file)
    // A byte a row for the filter, which interlacing has twice.
    const expected = sampleBytes + 2 * pixels
    let size = 0
    // What is damaged is said by the decoder.
    await unpack(concatenated(data), 'deflate', (part) => (size += part.length) <= expected).catch(() => {})
    if (size > expected)
      throw new InputError('unpacks to more than its pixels', { file, field: 'IDAT', expected: `at most ${expected} bytes`, found: 'more' })
  }
  return decodePicture(bytes, file)
}

interface Chunk {
  readonly type: string
  readonly from: number
  readonly to: number
}

/** The chunks of a PNG, as far as they are whole. */
function pngChunks(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const chunks: Chunk[] = []
  for (let at = 8; at + 12 <= bytes.length; ) {
    const to = at + 8 + view.getUint32(at)
    if (to + 4 > bytes.length) break
    chunks.push({ type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), from: at + 8, to })
    at = to + 4
  }
  return chunks
}

/** Refuses what is empty or larger than anybody trains with, before there is memory for it. */
function expectSize(width: number, height: number, sampleBytes: number, file: string, most = mostPixels): void {
  const found = `${width} x ${height}`
  if (width < 1 || height < 1) throw new InputError('an empty image', { file, field: 'size', expected: 'width and height from 1', found })
  if (width * height > most || sampleBytes > mostBytes)
    throw new InputError('too large an image', {
      file,
      field: 'size',
      expected: `at most ${most} pixels, and ${mostBytes} bytes unpacked`,
      found: `${found}, ${sampleBytes} bytes`,
    })
}

/** What the header says, which lies at fixed places. */
function pngSize(bytes: Uint8Array, file: string): { pixels: number; sampleBytes: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  const channels = [1, 1, 3, 1, 2, 1, 4][bytes[25]] ?? 4
  const sampleBytes = height * Math.ceil((width * channels * bytes[24]) / 8)
  expectSize(width, height, sampleBytes, file)
  return { pixels: width * height, sampleBytes }
}

/** Decodes by content, not by name. Alpha is dropped, not blended; 16 bits lose their low byte; a palette becomes RGB. */
export function decodePicture(bytes: Uint8Array, file: string): Picture {
  try {
    if (bytes.length >= 8 && hasPngSignature(bytes)) return fromPng(bytes, file)
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return fromJpeg(bytes, file)
  } catch (error) {
    if (error instanceof InputError) throw error
    const found = error instanceof Error ? error.message : String(error)
    throw new InputError('damaged image', { file, expected: 'a PNG or JPEG that decodes', found, cause: error })
  }
  const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  throw new InputError('not an image', {
    file,
    expected: 'PNG or JPEG',
    found: bytes.length ? `a file that starts with ${start}` : 'an empty file',
  })
}

function fromPng(bytes: Uint8Array, file: string): Picture {
  const chunks = pngChunks(bytes)
  if (chunks[0]?.type === 'IHDR' && bytes.length > 28) pngSize(bytes, file)
  else throw new Error('does not begin with a whole IHDR')
  if (chunks.filter(({ type }) => type === 'IHDR').length > 1) throw new Error('more than one IHDR')
  const png = decodePng(withoutProfiles(bytes, chunks), { checkCrc: true })
  const { width, height, depth } = png
  // Colour type and interlacing, from the header at their fixed places: the decoder mixes up interlaced rows below 8 bits.
  if (bytes[28] !== 0 && depth < 8) throw new Error(`interlaced with ${depth} bits per channel: not supported`)
  if (png.palette) {
    const rgb = convertIndexedToRgb(png)
    return planes(rgb, width, height, rgb.length / (width * height), 255)
  }
  if (depth < 8) return planes(unpackBits(png.data as Uint8Array, width, height, depth), width, height, 1, 2 ** depth - 1)
  return planes(png.data, width, height, png.channels, depth === 16 ? 65535 : 255)
}

/** Colour profiles are packed, too, and nothing here looks at them. */
function withoutProfiles(bytes: Uint8Array, chunks: readonly Chunk[]): Uint8Array {
  if (!chunks.some(({ type }) => type === 'iCCP')) return bytes
  const kept = chunks.filter(({ type }) => type !== 'iCCP').map(({ from, to }) => bytes.subarray(from - 8, to + 4))
  return concatenated([bytes.subarray(0, 8), ...kept, bytes.subarray(chunks.at(-1)!.to + 4)])
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Rows of 1, 2 or 4 bits per pixel, each padded to a whole byte, to one number per pixel. */
function unpackBits(rows: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const stride = Math.ceil((width * depth) / 8)
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth
    const byte = rows[Math.floor(i / width) * stride + (bit >> 3)]
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
  })
}

function fromJpeg(bytes: Uint8Array, file: string): Picture {
  const frame = jpegFrame(bytes)
  if (frame) {
    const { scans, pixels, components } = frame
    expectSize(frame.width, frame.height, pixels * components, file, mostJpegPixels)
    if (pixels > pixelsPerByte * bytes.length)
      throw new InputError('damaged image', {
        file,
        expected: `at least ${Math.ceil(pixels / pixelsPerByte)} bytes for ${frame.width} x ${frame.height}`,
        found: bytes.length,
      })
    if (scans * pixels > Math.max(mostScanned, 20 * pixels))
      throw new InputError('too many scans', {
        file,
        field: 'SOS',
        expected: `at most ${Math.max(20, Math.floor(mostScanned / pixels))}`,
        found: scans,
      })
  }
  const limits = { maxResolutionInMP: mostJpegPixels / 1e6, maxMemoryUsageInMB: 1400 }
  const { width, height, data } = jpeg.decode(bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, ...limits })
  const rgb = planes(data, width, height, 3, 255)
  return frame?.components === 1 ? { ...rgb, channels: 1, data: rgb.data.subarray(0, width * height) } : rgb
}

/** What the frame header says (the decoder repeats the component of a grey image), and how many scans follow it. */
function jpegFrame(bytes: Uint8Array) {
  for (let at = 2; at + 9 < bytes.length; ) {
    const marker = bytes[at + 1]
    if (bytes[at] === 0xff && marker >= 0xc0 && marker <= 0xc2) {
      const [height, width] = [bytes[at + 5] * 256 + bytes[at + 6], bytes[at + 7] * 256 + bytes[at + 8]]
      let scans = 0
      for (let i = bytes.indexOf(0xff, at); i >= 0; i = bytes.indexOf(0xff, i + 1)) if (bytes[i + 1] === 0xda) scans++
      return { height, width, pixels: height * width, components: bytes[at + 9], scans }
    }
    at += bytes[at] === 0xff && marker !== 0xff ? 2 + bytes[at + 2] * 256 + bytes[at + 3] : 1
  }
  return undefined
}

/** Interleaved pixels of 1 to 4 channels to planes; the second and the fourth channel are alpha. */
function planes(pixels: ArrayLike<number>, width: number, height: number, channels: number, maximum: number): Picture {
  const kept = channels < 3 ? 1 : 3
  const size = width * height
  const data = new Uint8Array(kept * size)
  for (let c = 0; c < kept; c++) {
    for (let i = 0; i < size; i++) {
      const value = pixels[i * channels + c]
      data[c * size + i] = maximum === 255 ? value : maximum === 65535 ? value >> 8 : (value * 255) / maximum
    }
  }
  return { channels: kept, height, width, data }
}

/**
 * Grey to RGB by repeating the plane, RGB to grey by ITU-R BT.601 luma (0.299 R + 0.587 G + 0.114 B, in 16-bit fixed point as PIL).
 */
export function toChannels(picture: Picture, channels: 1 | 3): Picture {
  if (picture.channels === channels) return picture
  const size = picture.width * picture.height
  const { data } = picture
  const out = new Uint8Array(channels * size)
  for (let i = 0; i < size; i++) {
    if (channels === 3) out[i] = out[size + i] = out[2 * size + i] = data[i]
    else out[i] = (data[i] * 19595 + data[size + i] * 38470 + data[2 * size + i] * 7471 + 0x8000) >> 16
  }
  return { ...picture, channels, data: out }
}

/**
 * Bilinear, corners not aligned, the triangle widened by the scale when shrinking (antialiased, as PIL and torchvision do);
 * both passes in float64, rounded to nearest once. The aspect ratio is not kept.
 */
export function resize(picture: Picture, height: number, width: number): Picture {
  if (picture.height === height && picture.width === width) return picture
  const columns = triangleWeights(picture.width, width)
  const rows = triangleWeights(picture.height, height)
  const data = new Uint8Array(picture.channels * height * width)
  const narrow = new Float64Array(picture.height * width)
  for (let c = 0; c < picture.channels; c++) {
    const plane = picture.data.subarray(c * picture.height * picture.width)
    for (let y = 0; y < picture.height; y++) {
      for (let x = 0; x < width; x++) {
        const { start, weights } = columns[x]
        let sum = 0
        for (let k = 0; k < weights.length; k++) sum += weights[k] * plane[y * picture.width + start + k]
        narrow[y * width + x] = sum
      }
    }
    for (let y = 0; y < height; y++) {
      const { start, weights } = rows[y]
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let k = 0; k < weights.length; k++) sum += weights[k] * narrow[(start + k) * width + x]
        data[(c * height + y) * width + x] = Math.floor(sum + 0.5)
      }
    }
  }
  return { channels: picture.channels, height, width, data }
}

/** For each output position: the first input it reads and the weights, which sum to 1. */
function triangleWeights(from: number, to: number): { start: number; weights: number[] }[] {
  const scale = from / to
  const support = Math.max(scale, 1)
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale
    const start = Math.max(0, Math.floor(centre - support + 0.5))
    const end = Math.min(from, Math.floor(centre + support + 0.5))
    const raw = Array.from({ length: end - start }, (_, k) => Math.max(0, 1 - Math.abs(start + k + 0.5 - centre) / support))
    const total = raw.reduce((a, b) => a + b, 0)
    return { start, weights: raw.map((weight) => weight / total) }
  })
}
