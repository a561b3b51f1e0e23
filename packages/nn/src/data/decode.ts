/** PNG and JPEG to bytes, and resizing. */
import { convertIndexedToRgb, decode as decodePng, hasPngSignature } from 'fast-png'
import jpeg from 'jpeg-js'
import { InputError } from '../errors.js'

/** 8 bits per channel, one plane per channel (CHW). */
export interface Picture {
  readonly channels: 1 | 3
  readonly height: number
  readonly width: number
  readonly data: Uint8Array
}

/** Decodes by content, not by name. Alpha is dropped, not blended; 16 bits lose their low byte; a palette becomes RGB. */
export function decodePicture(bytes: Uint8Array, file: string): Picture {
  try {
    if (bytes.length >= 8 && hasPngSignature(bytes)) return fromPng(bytes)
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return fromJpeg(bytes)
  } catch (error) {
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

function fromPng(bytes: Uint8Array): Picture {
  const png = decodePng(bytes, { checkCrc: true })
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

/** Rows of 1, 2 or 4 bits per pixel, each padded to a whole byte, to one number per pixel. */
function unpackBits(rows: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const stride = Math.ceil((width * depth) / 8)
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth
    const byte = rows[Math.floor(i / width) * stride + (bit >> 3)]
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
  })
}

function fromJpeg(bytes: Uint8Array): Picture {
  const { width, height, data } = jpeg.decode(bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false })
  const rgb = planes(data, width, height, 3, 255)
  return jpegComponents(bytes) === 1 ? { ...rgb, channels: 1, data: rgb.data.subarray(0, width * height) } : rgb
}

/** The number of components in the frame header: the decoder repeats the one of a grey image. */
function jpegComponents(bytes: Uint8Array): number {
  for (let at = 2; at + 9 < bytes.length; ) {
    const marker = bytes[at + 1]
    if (bytes[at] === 0xff && marker >= 0xc0 && marker <= 0xc2) return bytes[at + 9]
    at += bytes[at] === 0xff && marker !== 0xff ? 2 + bytes[at + 2] * 256 + bytes[at + 3] : 1
  }
  return 3
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
