import { describe, expect, test } from 'vitest'
import { createBuilder } from '../architectures/index.js'
import { InputError } from '../errors.js'
import { createRandom } from '../random.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'

const small = (() => {
  const net = createBuilder({ name: 'small', input: [2, 6, 6] })
  const x = net.relu6('act', net.batchNorm('bn', net.conv('conv', net.input, 3)))
  const y = net.concat('concat', [net.maxPool('max', x, { kernel: 2 }), net.averagePool('mean', x, { kernel: 2 })])
  const z = net.node('reshape', 'Reshape', [y], [54], { shape: [0, -1] })
  return exportOnnx(net.graph(net.linear('fc', z, 2)))
})()

/** What comes of bytes: a graph or an InputError; anything else fails the test. */
async function outcome(bytes: Uint8Array): Promise<'graph' | 'refused'> {
  try {
    await importOnnx(bytes, { file: 'bad.onnx' })
    return 'graph'
  } catch (error) {
    if (!(error instanceof InputError)) throw new Error(`not an InputError: ${error instanceof Error ? error.stack : String(error)}`)
    expect(error.message).toMatch(/^bad\.onnx/)
    return 'refused'
  }
}

describe('bytes that are no model are refused by name', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /found an empty file/],
    ['a PNG', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13), /found a PNG image/],
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16), /found a JPEG image/],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0), /found a gzip archive/],
    ['a PyTorch checkpoint', new TextEncoder().encode('PK\u0003\u0004rest of it'), /zip archive.*PyTorch/],
    ['a Git LFS pointer', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:0'), /git lfs pull/],
    ['text', new TextEncoder().encode('hello'), /found 5 bytes that begin with 68 65 6c 6c/],
    ['a page', new TextEncoder().encode('<!doctype html>'), /text that begins with </],
    [
      'half a model',
      small.subarray(0, small.length >> 1),
      /m\.onnx: not an ONNX model, or a truncated one: expected a complete ONNX protobuf/,
    ],
  ])('%s', async (_, bytes, message) => {
    const error = await importOnnx(bytes, { file: 'm.onnx' }).catch((caught) => caught)
    expect(error).toBeInstanceOf(InputError)
    expect(error.message).toMatch(message)
  })

  test('a model cut off anywhere', async () => {
    for (let length = 0; length < small.length; length++)
      expect(await outcome(small.subarray(0, length)), `cut at ${length}`).toBe('refused')
  })
})

test('random bytes, and models with random changes, give a graph or a refusal', async () => {
  const random = createRandom(0, 'fuzz')
  const counts = { graph: 0, refused: 0 }
  for (let i = 0; i < 500; i++) counts[await outcome(Uint8Array.from({ length: random.integer(200) }, () => random.integer(256)))]++
  expect(counts).toEqual({ graph: 0, refused: 500 })
  for (let i = 0; i < 3000; i++) {
    const bytes = small.slice()
    for (let changes = random.integer(4) + 1; changes > 0; changes--) bytes[random.integer(bytes.length)] = random.integer(256)
    counts[await outcome(bytes)]++
  }
  expect(counts.refused).toBeGreaterThan(1000)
})
