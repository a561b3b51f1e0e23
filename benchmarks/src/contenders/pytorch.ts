/** PyTorch on the CPU: a Python process of its own (pytorch.py), spoken to in lines of JSON. The same network and numbers, which it gets as a file. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { dataset, type Network, normalized } from '../network.js'
import type { Reply } from '../process.js'
import {
  type Case,
  type Contender,
  comparedSteps,
  forEachNetwork,
  learningRate,
  type Measurement,
  momentum,
  type Settings,
} from './contender.js'

export const layouts = ['NCHW', 'channels last'] as const
const passes = ['forward', 'training'] as const

type Ask = (request: Readonly<Record<string, unknown>>) => Promise<unknown>

export async function createContender({ python, threads = 1 }: Settings): Promise<Contender> {
  if (!python) throw new Error('PyTorch: no Python is named (--python)')
  const ask = start(python, threads)
  const { torch, simd, ...found } = (await ask({ action: 'describe' })) as { torch: string; simd: string; threads: number }
  const cases = passes.flatMap((pass) =>
    layouts.map((layout) => forEachNetwork(`${pass} ${layout}`, (network) => prepare(ask, network, pass, layout))),
  )
  return { adapter: `PyTorch, ${simd}, ${found.threads} threads`, versions: { torch }, cases: Object.assign({}, ...cases) }
}

function start(python: string, threads: number): Ask {
  const script = join(import.meta.dirname, '../src/contenders/pytorch.py')
  const child = spawn(python, [script, String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const failed = new Promise<never>((_, reject) => child.on('error', reject))
  failed.catch(() => {})
  return async (request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`)
    const line = await Promise.race([lines.next(), failed])
    if (line.done) throw new Error(`PyTorch: ${python} ended`)
    const { value, error } = JSON.parse(line.value) as Reply
    if (error !== undefined) throw new Error(`PyTorch: ${error}`)
    return value
  }
}

async function prepare(ask: Ask, network: Network, pass: string, layout: string): Promise<Case> {
  const name = `${pass} ${network.id} ${layout}`
  const folder = mkdtempSync(join(tmpdir(), 'espalier-pytorch-'))
  try {
    const path = join(folder, network.id)
    writeFileSync(path, asFile(network))
    await ask({ action: 'prepare', name, pass, layout, path })
  } finally {
    rmSync(folder, { recursive: true })
  }
  return {
    once: () => ask({ action: 'once', name }) as Promise<Measurement>,
    outputs: () => ask({ action: 'outputs', name }) as Promise<number[]>,
    dispose: () => ask({ action: 'dispose', name }) as Promise<undefined>,
  }
}

/** A line of JSON (nodes, where each tensor is, labels, how to train), then the numbers. */
function asFile({ graph, batch }: Network): Buffer {
  const { nodes, inputs, outputs, initializers } = graph()
  const { images, labels, shape } = dataset(batch)
  const parts: Uint8Array[] = []
  let offset = 0
  const place = (name: string, dims: readonly number[], data: Float32Array) => {
    const at = { name, dims, count: data.length, offset }
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    offset += data.byteLength
    return at
  }
  const tensors = [...initializers].map(([name, { dims, data }]) => place(name, dims, data as Float32Array))
  tensors.push(place('images', [batch, ...shape], normalized(images)))
  const head = {
    nodes,
    input: inputs[0].name,
    output: outputs[0].name,
    tensors,
    labels: Array.from(labels),
    learningRate,
    momentum,
    comparedSteps,
  }
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...parts])
}
