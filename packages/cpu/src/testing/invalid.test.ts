import { beforeAll, describe, expect, test } from 'vitest'
import { checkModule } from '../check/index.js'
import { WgslError } from '../check/program.js'
import { createGpu } from '../index.js'
import { invalid, uniformLayout } from './invalid/index.js'
import { openChecker } from './swiftshader.js'
import { valid } from './valid.js'

const modules = invalid.filter(({ constants }) => constants === undefined)
const pipelines = invalid.filter(({ constants }) => constants !== undefined)

/** The error of the checker; fails where there is none, or another than of the shader. */
function refusal(source: string): WgslError {
  try {
    checkModule(source)
  } catch (error) {
    if (error instanceof WgslError) return error
    throw error
  }
  return expect.fail(`accepted:\n${source}`)
}

describe('wrong shaders', () => {
  for (const { name, source, lines } of [...modules, ...uniformLayout])
    test(name, () => {
      const { message, position } = refusal(source)
      expect(message).not.toBe('')
      expect(lines, `${message}\nin\n${source}`).toContain(position.line)
      const text = source.split('\n')[position.line - 1]
      expect(position.column).toBeGreaterThan(0)
      expect(position.column - 1).toBeLessThanOrEqual(text.length)
    })
})

describe('wrong values of overrides', () => {
  let device: GPUDevice
  beforeAll(async () => {
    const adapter = await (await createGpu({ threads: 1 })).requestAdapter()
    device = await adapter!.requestDevice()
  })
  for (const { name, source, constants } of pipelines)
    test(name, async () => {
      const compute = { module: device.createShaderModule({ code: source }), constants }
      const made = device.createComputePipelineAsync({ layout: 'auto', compute })
      expect(
        await made.then(
          () => 'accepted',
          ({ message }: Error) => message,
        ),
      ).not.toMatch(/^(accepted)?$/)
    })
})

describe('right shaders', () => {
  for (const { name, source } of valid) test(name, () => void checkModule(source))
  for (const { name, valid: source } of [...invalid, ...uniformLayout])
    if (source !== undefined) test(`not ${name}`, () => void checkModule(source))
})

test('Tint thinks the same', async () => {
  const device = await openChecker()
  const verdict = async (source: string, pipelines: boolean, constants?: Record<string, number>): Promise<string | undefined> => {
    device.pushErrorScope('validation')
    const module = device.createShaderModule({ code: source })
    const entryPoints = [...source.matchAll(/@compute @workgroup_size\([^)]*\) fn (\w+)/g)].map(([, name]) => name)
    const { messages } = await module.getCompilationInfo()
    let found = messages.find(({ type }) => type === 'error')?.message
    for (const entryPoint of pipelines && found === undefined ? entryPoints : [])
      await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint, constants } }).catch((error: Error) => {
        found ??= error.message
      })
    await device.popErrorScope()
    return found
  }
  const different: string[] = []
  for (const { name, source, constants, valid: twin } of invalid) {
    if ((await verdict(source, true, constants)) === undefined) different.push(`accepted: ${name}`)
    const refused = twin === undefined ? undefined : await verdict(twin, true)
    if (refused !== undefined) different.push(`refused, not ${name}: ${refused}`)
  }
  // Dawn prints what Tint warns of.
  for (const { name, source } of valid.filter((one) => one.name !== 'code that is never reached')) {
    const refused = await verdict(source, false)
    if (refused !== undefined) different.push(`refused: ${name}: ${refused}`)
  }
  expect(different).toEqual([])
})
