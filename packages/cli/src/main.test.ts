import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildArchitecture, exportOnnx } from '@espalier/nn'
import { version } from '@espalier/prune'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { espalier } from './testing/cli.js'

let folder: string
let tiny: string
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'main-'))
  tiny = at('tiny.onnx')
  await writeFile(tiny, exportOnnx(buildArchitecture('tiny')))
})
afterAll(() => rm(folder, { recursive: true }))

test('the version is that of the package', async () => {
  const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  expect(version).toBe(manifest.version)
  expect((await espalier(['--version'])).stdout).toBe(`${manifest.version}\n`)
})

test('help goes to standard output', async () => {
  const { code, stdout } = await espalier(['prune', '--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('--budget <budget>')
})

test.each([
  [['prun', 'x'], /unknown command 'prun'/],
  [['inspect'], /missing required argument 'MODEL'/],
  [['inspect', 'a.onnx', '--colour'], /unknown option '--colour'/],
  [['init', 'tiny'], /--out: is required/],
  [['init', 'resnet19', '--out', 'x.onnx'], /unknown architecture.*resnet18.*'resnet19'/],
  [['init', 'tiny', '--out', 'x.onnx', '--seed', '-1'], /--seed: expected a whole number from 0.*"-1"/],
  [['init', 'tiny', '--out', 'x.onnx', '--width', '0'], /--width: expected a number above 0.*0/],
  [['init', 'tiny', '--out', 'x.onnx', '--input', '3x0x4'], /--input: expected CHANNELSxHEIGHTxWIDTH/],
  [['init', 'tiny', '--out', 'x.onnx', '--input', 'axbxc'], /--input: expected CHANNELSxHEIGHTxWIDTH.*"axbxc"/],
  [['init', 'tiny', '--out', '/nowhere/at/all.onnx'], /\/nowhere\/at\/all\.onnx: --out: cannot be written.*existing folder/],
  [['init', 'tiny', '--out', tmpdir()], /--out.*expected the name of a file, found a folder/],
  [['init', 'tiny', '--out', 'x.onnx', '--threads', '0'], /--threads: expected a whole number from 1.*"0"/],
  [['init', 'tiny', '--out', 'x.onnx', '--threads', 'all'], /--threads: expected a whole number from 1.*"all"/],
  [['prune', 'x.onnx', '--resume'], /--run: is required/],
  [['prune', '--resume', '--run', '/nowhere/at/all'], /\/nowhere\/at\/all: --resume: there is no run to resume/],
  [['report', tmpdir(), '--seed', '1', '--adapter', 'software'], /holds no run/],
])('%j is bad usage', async (args, message) => {
  const { code, stdout, stderr } = await espalier(args)
  expect(stderr).toMatch(message)
  expect(code).toBe(2)
  expect(stdout).toBe('')
})

test('init writes the same file for the same seed, and inspect tells what is in it', async () => {
  const made = await espalier(['init', 'lenet5', '--seed', '3', '--classes', '7', '--out', at('a.onnx'), '--json'])
  expect(made.json()).toMatchObject({ model: at('a.onnx'), seed: 3 })
  await espalier(['init', 'lenet5', '--seed', '3', '--classes', '7', '--out', at('b.onnx')])
  expect(await readFile(at('a.onnx'))).toEqual(await readFile(at('b.onnx')))
  const thin = await espalier(['init', 'tiny', '--width', '0.5', '--out', at('thin.onnx'), '--json'])
  expect((thin.json() as { params: number }).params).toBe(11_090)
  const inspection = (await espalier(['inspect', at('a.onnx'), '--json'])).json() as {
    params: number
    macs: number
    operations: number
    layers: { name: string; outputShape: number[] }[]
    groups: { id: string; locked: string | null; members: object[] }[]
  }
  expect(inspection.params).toBe(made.json().params)
  expect(inspection.layers.find((layer) => layer.name === 'fc3')?.outputShape).toEqual([1, 7])
  expect(inspection.operations).toBeGreaterThan(2 * inspection.macs)
  expect(inspection.groups.find((group) => group.id === 'conv1')).toEqual({
    id: 'conv1',
    channels: 6,
    locked: null,
    members: [
      { layer: 'conv1', side: 'out' },
      { layer: 'conv2', side: 'in' },
    ],
  })
  expect(inspection.groups.find((group) => group.id === 'fc3')?.locked).toMatch(/output/)
  expect((await espalier(['inspect', at('a.onnx')])).stdout).toContain('locked: graph output')
})

test('options come from a configuration file too, and win over it', async () => {
  await writeFile(at('config.json'), JSON.stringify({ seed: 5, classes: 4, out: at('c.onnx') }))
  expect((await espalier(['init', 'tiny', '--config', at('config.json'), '--seed', '6', '--json'])).json()).toMatchObject({
    seed: 6,
    model: at('c.onnx'),
  })
})

test.each([
  ['{ "sed": 5 }', /config\.json: sed: no such option: expected one of out, input, classes, width, seed/],
  ['{ "seed": "five" }', /config\.json: seed: expected a whole number.*"five"/],
  ['[]', /config\.json: not a configuration/],
  ['{', /config\.json: not JSON/],
])('a configuration %s is refused', async (content, message) => {
  await writeFile(at('config.json'), content)
  const { code, stderr } = await espalier(['init', 'tiny', '--out', at('x.onnx'), '--config', at('config.json')])
  expect(stderr).toMatch(message)
  expect(code).toBe(2)
})

const gzipHeader = (type: number, dims: number[], bytes: number[]) =>
  Buffer.from([0, 0, type, dims.length, ...dims.flatMap((size) => [0, 0, size >> 8, size & 255]), ...bytes])

/** An IDX folder for `tiny`'s classes: 28 x 28 images. */
async function idx(name: string, options: { magic?: number; labels?: number[] }): Promise<string> {
  const { mkdir } = await import('node:fs/promises')
  const path = at(name)
  await mkdir(path, { recursive: true })
  const labels = options.labels ?? Array.from({ length: 20 }, (_, i) => i % 10)
  for (const part of ['train', 't10k']) {
    await writeFile(
      join(path, `${part}-images-idx3-ubyte`),
      gzipHeader(options.magic ?? 8, [labels.length, 28, 28], new Array<number>(labels.length * 784).fill(7)),
    )
    await writeFile(join(path, `${part}-labels-idx1-ubyte`), gzipHeader(8, [labels.length], labels))
  }
  return `idx:${path}`
}

test('bad input is told by file, field and what was expected, with exit code 2 and nothing written', async () => {
  const truncated = at('truncated.onnx')
  await writeFile(truncated, (await readFile(tiny)).subarray(0, 100_000))
  const png = at('png.onnx')
  await writeFile(png, Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]))
  const lenet = at('lenet.onnx')
  await writeFile(lenet, exportOnnx(buildArchitecture('lenet5')))
  const [fewClasses, manyClasses] = [at('few.onnx'), at('many.onnx')]
  await writeFile(fewClasses, exportOnnx(buildArchitecture('tiny', { classes: 5 })))
  await writeFile(manyClasses, exportOnnx(buildArchitecture('tiny', { classes: 100 })))
  const out = at('never.onnx')
  const pruning = (model: string, data: string, budget = 'params<=50%', ...more: string[]) => [
    'prune',
    model,
    '--data',
    data,
    '--budget',
    budget,
    '--out',
    out,
    ...more,
  ]
  await writeFile(at('throws.mjs'), 'export default () => { throw new Error("no meter") }')
  await writeFile(at('nan.mjs'), 'export default async () => NaN')
  const cases: [string[], RegExp][] = [
    [['inspect', at('missing.onnx')], /missing\.onnx: MODEL: cannot be read: expected an ONNX file, found nothing there/],
    [['inspect', folder], /found a folder/],
    [['inspect', truncated], /truncated\.onnx/],
    [['eval', png, '--data', 'shapes,limit=10'], /png\.onnx/],
    [['eval', lenet, '--data', await idx('magic', { magic: 9 })], /idx3-ubyte.*magic number/s],
    [['eval', lenet, '--data', `idx:${at('nowhere')}`], /nowhere.*expected a folder, found nothing there/],
    [['eval', lenet, '--data', await idx('labels', { labels: [0, 1, 2, 250] })], /label.*out of range.*0 \.\. 9.*250/],
    [['eval', tiny, '--data', await idx('grey', {})], /do not fit the network.*3x24x24.*1x28x28/],
    [
      ['eval', fewClasses, '--data', 'shapes,limit=10'],
      /few\.onnx: outputs: MODEL does not fit data 'shapes': expected at least 10, one for each class, found 5/,
    ],
    [
      ['finetune', tiny, '--data', 'shapes,limit=100', '--out', at('never.onnx'), '--teacher', manyClasses],
      /many\.onnx: outputs: --teacher has other outputs than the model: expected \[N, 10\], as .*tiny\.onnx has, found \[N, 100\]/,
    ],
    [
      ['finetune', tiny, '--data', 'shapes,limit=100', '--out', at('never.onnx'), '--teacher', lenet],
      /lenet\.onnx: input 'input': --teacher does not fit data 'shapes': expected \[N, 1, 28, 28\], found images of \[3, 24, 24\]/,
    ],
    [['eval', tiny, '--data', 'shapes,limit=0'], /limit.*from 1.*0/],
    [['eval', tiny, '--data', 'shapes,limit=10', '--mean', '0.5'], /--std: give both/],
    [['eval', tiny, '--data', 'shapes,limit=10', '--normalize', 'mnist'], /unknown normalisation.*cifar10.*'mnist'/],
    [pruning(lenet, await idx('empty', { labels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 8] })), /class 9.*empty/],
    [
      pruning(tiny, 'shapes,limit=100', 'params<=50'),
      /no network within the budgets can be reached.*params<=50: limit 50, nearest reachable value \d+/s,
    ],
    [pruning(tiny, 'shapes,limit=100', `module:${at('throws.mjs')}<=3`), /budget 'module:.*throws\.mjs<=3'.*threw.*no meter/],
    [pruning(tiny, 'shapes,limit=100', `module:${at('nan.mjs')}<=3`), /nan\.mjs<=3'.*no finite number.*NaN/],
    [
      pruning(tiny, 'shapes,limit=100', 'params<=50%', '--method', 'amx'),
      /--method: unknown: expected one of crl, crl-fine, entropy, amc, .*found 'amx'/,
    ],
    [pruning(tiny, 'shapes,limit=100', 'params<=50%', '--algorithm', 'ppo'), /--algorithm.*ppo-lag, pid-lag, trpo-lag, cpo.*'ppo'/],
    [pruning(tiny, 'shapes,limit=100', 'params<=50%', '--reward', 'f1'), /--reward.*accuracy, -entropy, entropy, accuracy\*log-macs.*'f1'/],
    [pruning(tiny, 'shapes,limit=100', 'params<=50%', '--levels', '300'), /--levels.*2 to 256.*300/],
    [
      pruning(tiny, 'shapes,limit=100', 'params<=50%', '--method', 'uniform', '--warm-start', 'greedy'),
      /--warm-start.*--method crl, crl-fine, entropy, amc.*uniform/,
    ],
    [pruning(tiny, 'shapes,limit=100', 'weights<=50%'), /--budget 'weights<=50%'.*--structure weights.*--structure filters/s],
    [
      pruning(tiny, 'shapes,limit=100', 'weights<=50%', '--structure', 'weights', '--criterion', 'bn'),
      /--criterion.*not there with --structure weights.*l1/s,
    ],
    [pruning(tiny, 'shapes,limit=100', 'weights<=50%', '--structure', 'weights', '--method', 'entropy'), /--reward.*accuracy.*-entropy/s],
    [pruning(tiny, 'shapes,limit=100', 'weights<=50%', '--structure', 'weights', '--keep', 'conv9'), /--keep conv9.*expected one of conv1/],
    [pruning(tiny, 'shapes,limit=100', 'params<=50%', '--keep', 'conv9'), /--keep conv9.*expected one of.*conv1/],
    [pruning(tiny, 'shapes,limit=100', 'params<=50%', '--validation', '100'), /--validation.*1 to 99/],
    [pruning(tiny, 'shapes,limit=100', 'params<=50%', '--resume'), /no run to resume/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await espalier([...args, '--quiet'])
    expect(stderr, args.join(' ')).toMatch(message)
    expect(code, args.join(' ')).toBe(args.includes('params<=50') ? 3 : 2)
    expect(stdout).toBe('')
  }
  expect((await readdir(folder)).filter((name) => name.includes('never') || name.endsWith('.tmp'))).toEqual([])
})

test('doctor tests every adapter, and tells which is taken, why, and what it can', async () => {
  const { json, code } = await espalier(['doctor', '--adapter', 'cpu', '--threads', '1', '--json'])
  expect(json()).toMatchObject({
    adapter: expect.stringMatching(/^Espalier CPU \([^,]*, [^,]*\)$/),
    kind: 'cpu',
    backend: 'wasm',
    threads: 1,
    skipped: [],
    limits: { maxBufferSize: expect.any(Number) },
    features: expect.any(Array),
    versions: { espalier: expect.any(String), node: process.versions.node, webgpu: expect.any(String) },
    selfTest: { ok: true, gflops: expect.any(Number) },
  })
  const { adapters, selfTest } = json() as { adapters: Record<string, unknown>[]; selfTest: unknown }
  const [taken, ...more] = adapters.filter((each) => each.taken)
  expect(more).toEqual([])
  expect(taken).toMatchObject({
    name: expect.stringContaining('1 thread'),
    source: '@espalier/cpu',
    why: "taken: 'cpu' was asked for",
    selfTest,
  })
  for (const { why, selfTest } of adapters) {
    expect(why).not.toBe('')
    expect(selfTest).toMatchObject({ ok: true })
  }
  expect(code).toBe(0)
})

test('--threads is for the cpu adapter, and may be in the configuration', async () => {
  await writeFile(at('threads.json'), JSON.stringify({ threads: 1 }))
  const args = ['eval', tiny, '--data', 'shapes,limit=10', '--config', at('threads.json')]
  const ours = await espalier([...args, '--adapter', 'cpu'])
  expect(ours.stderr).not.toContain('--threads')
  expect(ours.code).toBe(0)
  const { stderr, code } = await espalier([...args, '--adapter', 'swiftshader'])
  expect(stderr).toMatch(/--threads 1 is for the cpu adapter; 'SwiftShader .*' decides itself/)
  expect(code).toBe(0)
})

test('an adapter that is not there: exit code 4', async () => {
  const { code, stderr } = await espalier(['doctor', '--adapter', 'no such adapter'])
  expect(stderr).toMatch(/no usable GPU adapter for 'no such adapter'/)
  expect(code).toBe(4)
})
