import { expect, test } from 'vitest'
import { checkModule } from '../check/index.js'
import { WgslError } from '../check/program.js'
import { compilePipeline } from '../compile.js'
import { createSandbox } from '../testing/sandbox.js'

const code = `@group(0) @binding(0) var<storage, read_write> o: array<u32>;
override size: u32 = 4u;
@id(7) override by: i32;
override scale = f32(size) * 0.5;
var<workgroup> w: array<u32, size>;
@compute @workgroup_size(size) fn main(@builtin(local_invocation_index) l: u32) {
  w[l] = u32(12 / by);
  o[l] = w[l] + u32(scale) + 1u;
}`

const compile = (source: string, constants: Record<string, number>) =>
  compilePipeline(checkModule(source), 'main', constants, { shared: false, fused: false })
function failure(source: string, constants: Record<string, number>): { message: string; at: string } {
  try {
    compile(source, constants)
  } catch (error) {
    if (!(error instanceof WgslError)) throw error
    const { line, offset, length } = error.position
    return { message: error.message, at: `${line}: ${source.slice(offset, offset + length)}` }
  }
  throw new Error('it compiles')
}

test('overrides have their values by name and by number, and others follow from them', () => {
  const o = new Uint32Array(6)
  const sandbox = createSandbox(code, { size: 6, 7: 4 })
  expect(sandbox.pipeline).toMatchObject({ workgroupSize: [6, 1, 1], workgroupBytes: 24 })
  sandbox.run([1, 1, 1], [o])
  expect(Array.from(o)).toEqual(Array(6).fill(3 + 3 + 1))
})

test('what values of overrides make wrong is said with its place', () => {
  const wrong = (constants: Record<string, number>, message: string, at: string, source = code) =>
    expect(failure(source, constants)).toEqual({ message, at })
  wrong({}, "the override 'by' has neither an initial value nor one in 'constants'", '3: by')
  wrong({ 7: 0 }, 'expected a divisor other than 0, found 0', '7: by')
  wrong({ 7: 1, size: 0 }, 'the workgroup size must be at least 1 in x, found 0', '6: size')
  wrong({ 7: 1, size: -1 }, "the constant 'size' is -1, which is not a value of type 'u32'", '2: size')
  wrong({ 7: 2 ** 40 }, "the constant '7' is 1099511627776, which is not a value of type 'i32'", '3: by')
  wrong({ 7: 1, size: 3 }, 'expected an index below 3, found 3', '7: size', code.replace('w[l] =', 'w[size] ='))
})
