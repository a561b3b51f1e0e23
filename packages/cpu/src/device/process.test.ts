/** What only a process of its own shows: that it ends by itself, and not before promises are settled; that the bundle of an app works. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'espalier-cpu-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** One minified file with everything, as an app's bundler makes it. */
beforeAll(async () => {
  await build({
    stdin: {
      contents: `export { openDevice, buffer, pipelineOf, run, read, bind, compute, usage, mode } from './open-device.js'`,
      resolveDir: join(import.meta.dirname, '../testing'),
      loader: 'ts',
    },
    outfile: join(folder, 'bundle.mjs'),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    conditions: ['espalier-source'],
  })
})

/** Runs a program; its output. It fails after half a minute: then it did not end by itself. */
async function node(name: string, program: string, flags: readonly string[] = []): Promise<string> {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, `import { openDevice, buffer, pipelineOf, run, read, usage, mode } from './bundle.mjs'\n${program}`)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, file], { timeout: 30_000 })
  expect(stderr).toBe('')
  return stdout
}

const prepare = `
const device = await openDevice({ threads: 2 })
const [limit, out] = [buffer(device, 16, usage.UNIFORM | usage.COPY_DST), buffer(device, 400)]
device.queue.writeBuffer(limit, 0, new Uint32Array([2_000_000]))
run(device, pipelineOf(device, 'turns'), [limit, out], 2)
`

test('a process with idle threads ends by itself, without destroy', async () => {
  const printed = await node(
    'idle',
    `${prepare}\nconsole.log((await read(device, out, 0, 12)).join())\nprocess.on('exit', () => console.log('over'))`,
  )
  expect(printed).toBe('2000000,2000000,0\nover\n')
})

test('a promise that is awaited keeps it alive, whatever it is', async () => {
  const printed = await node(
    'waiting',
    `${prepare}
    device.queue.onSubmittedWorkDone().then(() => console.log('done'))
    const target = buffer(device, 16, usage.MAP_READ | usage.COPY_DST)
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(out, 0, target, 0, 16)
    device.queue.submit([encoder.finish()])
    await target.mapAsync(mode.READ)
    console.log(new Uint32Array(target.getMappedRange())[1])`,
  )
  expect(printed).toBe('done\n2000000\n')
})

test('work that nobody waits for does not keep it alive', async () => {
  expect(await node('unwaited', `${prepare}\nconsole.log('over')`)).toBe('over\n')
})

test('a program that ends in an exception, or by exit, ends', async () => {
  await expect(node('throws', `${prepare}\nthrow new Error('mine')`)).rejects.toThrow(/mine/)
  expect(await node('exit', `${prepare}\nconsole.log('a')\nprocess.exit(0)`)).toBe('a\n')
})

test('names of errors survive the minifier', async () => {
  const printed = await node(
    'names',
    `const device = await openDevice()
    device.pushErrorScope('validation')
    device.createBuffer({ size: 4, usage: 0 })
    console.log((await device.popErrorScope()).constructor.name, device.constructor.name, out(device))
    function out(device) { return buffer(device, 4).constructor.name }`,
  )
  expect(printed).toBe('GPUValidationError GPUDevice GPUBuffer\n')
})

test('buffers that are only dropped are freed in time', async () => {
  const printed = await node(
    'dropped',
    `const device = await openDevice({ maxPages: 1024 })
    let lost = 0
    for (let i = 0; i < 100; i++) {
      device.pushErrorScope('out-of-memory')
      buffer(device, 8 * 2 ** 20)
      if (await device.popErrorScope()) lost++
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    console.log(lost)`,
    ['--expose-gc'],
  )
  expect(printed).toBe('0\n')
})

test('of a device that is dropped with all its objects the threads end; as long as any of them is held they do not', async () => {
  const printed = await node(
    'abandoned',
    `import { readdirSync } from 'node:fs'
    const threads = () => (process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0)
    const collect = async () => {
      for (let i = 0; i < 20; i++) {
        globalThis.gc()
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    const open = async () => {
      const device = await openDevice({ threads: 2 })
      const target = buffer(device, 400)
      const pipeline = pipelineOf(device, 'step')
      run(device, pipeline, [target], 100)
      await device.queue.onSubmittedWorkDone()
      return { queue: device.queue, target }
    }
    await open()
    await collect()
    const before = threads()
    for (let i = 0; i < 5; i++) await open()
    const { queue } = await open()
    await collect()
    console.log(threads() - before <= 2)
    await queue.onSubmittedWorkDone()
    console.log('alive')`,
    ['--expose-gc'],
  )
  expect(printed).toBe('true\nalive\n')
})
