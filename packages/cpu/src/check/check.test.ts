import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkModule } from './index.js'
import type { StructType } from './program.js'
import { fault, lastValue, show } from './testing/show.js'
import { typeName } from './types.js'

const kernels = new URL('../../../kernels/src/', import.meta.url)

/** Shaders of the kernels package as it joins them, by files without `.wgsl`. */
const joined = [
  'activation/activation nan activation/functions',
  'activation/activation-gradient nan activation/functions',
  'reduce/reduce nan reduce/reduction',
  'reduce/rows nan reduce/reduction',
  'elementwise/binary nan elementwise/combine',
  'elementwise/broadcast nan elementwise/combine',
  'random/philox random/random',
  'random/philox images/images',
  'random/philox dropout/dropout',
  'entropy/cooperating entropy/entropy',
  'entropy/alone entropy/entropy',
  'softmax-cross-entropy/exponential softmax-cross-entropy/softmax',
  'softmax-cross-entropy/exponential softmax-cross-entropy/softmax-cross-entropy',
  'softmax-cross-entropy/exponential softmax-cross-entropy/distillation',
  'batch-normalization/moments batch-normalization/combine',
  'batch-normalization/moments batch-normalization/combine-candidates',
  'conv2d/no-quad conv2d/tile-params conv2d/tiled',
  'conv2d/no-quad conv2d/tile-params conv2d/tiled-3x3',
  'conv2d/tile-params conv2d/narrow',
  'conv2d/tile-params conv2d/depthwise conv2d/depthwise-3x3',
  'conv2d/tile-params conv2d/depthwise conv2d/depthwise-3x3-stride2',
  'conv2d/tile-params conv2d/workgroup-tile conv2d/workgroup',
  'conv2d/no-quad conv2d/weight-gradient-tiled',
  'conv2d/workgroup-tile conv2d/weight-gradient-workgroup',
  'conv2d/no-quad matmul/matmul-tiled',
]
const parts = new Set(joined.join(' ').split(' '))
const others = readdirSync(kernels, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.wgsl'))
  .map((name) => name.replaceAll('\\', '/').slice(0, -5))
  .filter((name) => !parts.has(name))
const read = (name: string) => readFileSync(new URL(`${name}.wgsl`, kernels), 'utf8')

describe('shaders of the kernels', () => {
  test.each(joined)('%s', (names) => {
    const aliases = names.includes('broadcast') ? 'alias A = vec4f;\nalias B = vec4f;\n' : ''
    expect(checkModule(aliases + names.split(' ').map(read).join('')).entryPoints.length).toBeGreaterThan(0)
  })

  // Those that are no whole shader lack names of the file that they are joined to.
  test.each(others)('%s', (name) => expect(fault(read(name))).toMatch(/^none$|unresolved|'subgroups'/))

  test('subgroups are refused', () => {
    expect(fault(['conv2d/quad', 'conv2d/tile-params', 'conv2d/tiled'].map(read).join(''))).toBe(
      "1:8 the extension 'subgroups' needs the feature 'subgroups', which this device does not have",
    )
  })
})

describe('typed trees', () => {
  const prelude = `
    struct S { a: f32, b: vec3f, c: array<i32, 4> }
    @group(0) @binding(0) var<storage, read_write> data: array<S>;
    override o = 2u;
    fn g(x: f32, y: u32) -> f32 { return x; }
    fn put(p: ptr<function, f32>) { *p = 1; }
    fn f(i: i32, u: u32, x: f32, v: vec3f, m: mat3x2f, s: S) {
      var w = v; var l = x; let p = &data[u].b;
  `
  test.each([
    // Literals take the type of the other side; constants are folded.
    ['x + 1', 'f32', '[+ x 1f]'],
    ['2 * u', 'u32', '[* 2u u]'],
    ['1 + 2 * 3', 'i32', '7i'],
    ['1 + 2 * 3.0', 'f32', '7f'],
    ['u << 3', 'u32', '[<< u 3u]'],
    ['1 << u', 'i32', '[<< 1i u]'],
    ['v * 2', 'vec3<f32>', '[* v 2f]'],
    ['m * v', 'vec2<f32>', '[* m v]'],
    ['v.xy * m', 'vec3<f32>', '[* [swizzle v 01] m]'],
    ['i < 1 && u == 2', 'bool', '[&& [< i 1i] [== u 2u]]'],
    ['v < vec3(1, 2, 3)', 'vec3<bool>', '[< v [vec3<f32> 1f 2f 3f]]'],
    ['o + 1', 'u32', '[+ o 1u]'],
    ['-v', 'vec3<f32>', '[- v]'],
    // Loads, members and indices: of references and of values
    ['w', 'vec3<f32>', '[load w]'],
    ['w.z', 'f32', '[load [index w 2u]]'],
    ['v.z', 'f32', '[swizzle v 2]'],
    ['w.zx', 'vec2<f32>', '[swizzle [load w] 20]'],
    ['v[i]', 'f32', '[index v i]'],
    ['m[1][u]', 'f32', '[index [index m 1i] u]'],
    ['s.c[i]', 'i32', '[index [member s 2] i]'],
    ['data[u].c[3]', 'i32', '[load [index [member [index data u] 2] 3i]]'],
    ['array(1, 2, 3)[u]', 'i32', '[index [array<i32, 3> 1i 2i 3i] u]'],
    ['&data[u].a', 'ptr<storage, f32, read_write>', '[& [member [index data u] 0]]'],
    ['*p', 'vec3<f32>', '[load [* p]]'],
    ['p.y', 'f32', '[load [index [* p] 1u]]'],
    ['(*p)[u]', 'f32', '[load [index [* p] u]]'],
    ['arrayLength(&data)', 'u32', '[arrayLength [& data]]'],
    // Calls: arguments have the type of the parameter; scalars are not spread.
    ['g(1, 2)', 'f32', '[g 1f 2u]'],
    ['max(u, 1)', 'u32', '[max u 1u]'],
    ['clamp(x, 0, 1)', 'f32', '[clamp x 0f 1f]'],
    ['mix(v, vec3(1), 0.5)', 'vec3<f32>', '[mix v [vec3<f32> 1f 1f 1f] 0.5f]'],
    ['select(1, 2, x > 1)', 'i32', '[select 1i 2i [> x 1f]]'],
    ['select(v, w, v > w)', 'vec3<f32>', '[select v [load w] [> v [load w]]]'],
    ['dot(v, v)', 'f32', '[dot v v]'],
    ['ldexp(x, 2)', 'f32', '[ldexp x 2i]'],
    ['pow(2, x)', 'f32', '[pow 2f x]'],
    ['transpose(m)', 'mat2x3<f32>', '[transpose m]'],
    ['modf(x)', '__modf_result_f32', '[modf x]'],
    ['frexp(v).exp', 'vec3<i32>', '[member [frexp v] 1]'],
    ['modf(2.5).whole', 'f32', '2f'],
    // Constructors and conversions
    ['vec4(v, 1)', 'vec4<f32>', '[vec4<f32> v 1f]'],
    ['vec2u(u)', 'vec2<u32>', '[vec2<u32> u]'],
    ['vec3u(v)', 'vec3<u32>', '[to vec3<u32> v]'],
    ['vec3f(v)', 'vec3<f32>', 'v'],
    ['f32(i)', 'f32', '[to f32 i]'],
    ['bool(u)', 'bool', '[to bool u]'],
    ['u32(3)', 'u32', '3u'],
    ['array(x, 1)', 'array<f32, 2>', '[array<f32, 2> x 1f]'],
    ['array<vec2f, 2>()', 'array<vec2<f32>, 2>', '[array<vec2<f32>, 2>]'],
    ['S(1, v, array(1, 2, 3, 4))', 'S', '[S 1f v [array<i32, 4> 1i 2i 3i 4i]]'],
    ['mat2x2f(x, 1, 2, 3)', 'mat2x2<f32>', '[mat2x2<f32> x 1f 2f 3f]'],
    ['mat2x2(1, 2, 3, 4)', 'mat2x2<f32>', '[mat2x2<f32> [vec2<f32> 1f 2f] [vec2<f32> 3f 4f]]'],
    ['mat2x2(0, 0, 0, 0)', 'mat2x2<f32>', '[mat2x2<f32>]'],
    ['bitcast<u32>(x)', 'u32', '[bits u32 x]'],
    ['bitcast<f32>(1)', 'f32', `${Math.fround(2 ** -149)}f`],
  ])('%s', (expression, type, tree) => {
    const value = lastValue(`${prelude} let last = ${expression}; }`)
    expect([typeName(value.type), show(value)]).toEqual([type, tree])
  })

  test('statements', () => {
    const { functions } = checkModule(`
      const limit = 3;
      fn f(n: u32) -> u32 {
        var a = 1; a += 2; a++; _ = n;
        for (var k = 0u; k < n; k++) { if k == limit { continue; } else if k > 5 { break; } }
        loop { let b = a; continuing { a = b; break if a > 3; } }
        switch n { case 1, limit: { return 1; } case 5 {} default: {} }
        return n;
      }`)
    const [variable, update, increment, phony, loop, second, choice] = functions[0].body
    expect(variable).toMatchObject({ op: 'variable', variable: { name: 'a', space: 'function', access: 'read_write' } })
    expect(update).toMatchObject({ op: 'update', operator: '+', value: { value: 2, type: { name: 'i32' } } })
    expect(increment).toMatchObject({ op: 'update', operator: '+', value: { value: 1 } })
    expect(phony).toMatchObject({ op: 'assign', to: undefined })
    expect(loop).toMatchObject({ op: 'loop', initial: [{ op: 'variable' }], condition: { op: 'binary' }, continuing: [{ op: 'update' }] })
    const branch = loop.op === 'loop' ? loop.body[0] : undefined
    expect(branch?.op === 'if' && branch.then).toMatchObject([{ op: 'continue' }])
    expect(branch).toMatchObject({ op: 'if', else: [{ op: 'if', else: [] }] })
    expect(second).toMatchObject({ op: 'loop', condition: undefined, continuing: [{ op: 'assign' }], breakIf: { op: 'binary' } })
    expect(choice).toMatchObject({ op: 'switch', cases: [{ selectors: [1, 3] }, { selectors: [5] }, { selectors: ['default'] }] })
  })

  test('positions: line and column from 1, in UTF-16 units', () => {
    const value = lastValue('// 𝐀\nfn f(é: i32) {\n  let b = é + /* 𝐀 */ 12;\n}')
    expect(value.position).toEqual({ line: 3, column: 11, offset: 31, length: 15 })
  })
})

test('layouts: offsets, sizes, alignments, strides', () => {
  const { variables } = checkModule(`
    struct Inner { a: vec3f, b: f32 }
    struct Outer { n: u32, m: mat3x3f, i: array<Inner, 2>, v: vec2u, @size(24) s: i32, @align(32) t: mat2x2f, e: array<vec3u> }
    struct Flags { a: bool, b: vec2<bool> }
    @group(0) @binding(0) var<storage> outer: Outer;
    var<private> flags: Flags;`)
  const outer = variables[0].type as StructType
  expect(outer.members.map(({ name, offset }) => [name, offset])).toEqual([
    ['n', 0],
    ['m', 16],
    ['i', 64],
    ['v', 96],
    ['s', 104],
    ['t', 128],
    ['e', 144],
  ])
  expect([outer.size, outer.align]).toEqual([160, 32])
  expect(outer.members[2].type).toMatchObject({ kind: 'array', stride: 16, count: 2, element: { name: 'Inner', size: 16, align: 16 } })
  expect(outer.members[6].type).toMatchObject({ kind: 'array', stride: 16, count: undefined })
  expect(variables[1].type).toMatchObject({ size: 16, align: 8, members: [{ offset: 0 }, { offset: 8 }] })
})

test('entry points: inputs, sizes, and what they use through calls', () => {
  const program = checkModule(`
    @id(3) override size = 8u;
    override length = size * 2;
    override unused = 1.0;
    override scale: f32;
    struct In { @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32 }
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @group(0) @binding(0) var<uniform> x: vec4f;
    @group(0) @binding(0) var<storage> other: array<f32>;
    var<workgroup> tile: array<f32, length>;
    var<private> mine = scale;
    @compute @workgroup_size(size, 2) fn main(in: In, @builtin(num_workgroups) all: vec3u) { y[in.lane] = helper() + mine; }
    @compute @workgroup_size(1) fn second() { _ = other[0]; }
    @fragment fn colour(@builtin(position) p: vec4f) -> @location(0) vec4f { if dpdx(p.x) > 1 { discard; } return p; }
    @vertex fn corner(@builtin(vertex_index) i: u32, @location(0) p: vec4f) -> @builtin(position) vec4f { return p; }
    fn helper() -> f32 { return x.y + tile[0]; }`)
  const [main, second] = program.entryPoints
  expect(program.entryPoints.length).toBe(2)
  expect(main.inputs).toEqual([['workgroup_id', 'local_invocation_index'], 'num_workgroups'])
  expect(main.workgroupSize.map(show)).toEqual(['size', '2i', '1u'])
  expect(main.variables.map(({ name }) => name)).toEqual(['y', 'x', 'tile'])
  expect(main.overrides.map(({ name }) => name)).toEqual(['size', 'length', 'scale'])
  expect(second.variables.map(({ name }) => name)).toEqual(['other'])
  expect(program.overrides.map(({ name, id, initial }) => [name, id, initial && show(initial)])).toEqual([
    ['size', 3, '8u'],
    ['length', undefined, '[* size 2u]'],
    ['unused', undefined, '1f'],
    ['scale', undefined, undefined],
  ])
  expect(program.variables.map(({ group, binding, space, access }) => [group, binding, space, access])).toEqual([
    [0, 1, 'storage', 'read_write'],
    [0, 0, 'uniform', 'read'],
    [0, 0, 'storage', 'read'],
    [undefined, undefined, 'workgroup', 'read_write'],
    [undefined, undefined, 'private', 'read_write'],
  ])
  // Each function after those it calls; those of other stages are left out.
  expect(program.functions.map(({ name }) => name)).toEqual(['helper', 'main', 'second'])
})

test('names: shadowed, declared later, not English', () => {
  const source = `
    fn f() -> f32 { return area; }
    const area = min * vec3; const min = 2; const vec3 = 3.0;
    fn g(max: f32) -> f32 { let f = max; { let max = f + 1; return max; } }
    fn h() { var i32 = 1; i32 += 1; for (var i32 = 0u; i32 < 2u; i32++) { let i32 = true; } let größe = i32; }
    struct read { storage: f32 } var<private> function: read; fn k() { function.storage = 1; }`
  expect(fault(source)).toBe('none')
})

test('a diagnostic rule that is not known is a warning', () => {
  expect(checkModule('diagnostic(off, foo);diagnostic(off, a.b);diagnostic(warning, derivative_uniformity);').messages).toMatchObject([
    { type: 'warning', message: "unknown diagnostic rule 'foo'", position: { line: 1, column: 17 } },
  ])
})

describe('whatever the text, the only exception is a WgslError', () => {
  const base = joined.slice(0, 4).map((names) => names.split(' ').map(read).join(''))
  test('tokens taken out, doubled, exchanged', () => {
    let seed = 1
    const random = (n: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return Math.floor((seed / 2 ** 32) * n)
    }
    for (let round = 0; round < 300; round++) {
      const tokens = base[round % base.length].split(/(\b|\s+)/)
      for (let changes = 0; changes < 2; changes++) {
        const [a, b] = [random(tokens.length), random(tokens.length)]
        tokens[a] = [tokens[b], '', tokens[a] + tokens[a], `${tokens[a]} ${tokens[b]}`][random(4)]
      }
      fault(tokens.join(''))
    }
  })

  test('long chains of declarations and great values', () => {
    const list = (n: number, line: (i: number) => string) => Array.from({ length: n }, (_, i) => line(i)).join('\n')
    expect(fault(list(5000, (i) => (i ? `const a${i} = a${i - 1} + 1;` : 'const a0 = 1;')))).toBe('none')
    expect(fault(`${list(20000, (i) => `const a${i} = a${i + 1} + 1;`)} const a20000 = 1;`)).toMatch(/^none$|nested too deeply/)
    expect(fault(list(3000, (i) => `fn f${i}() { ${i < 2999 ? `f${i + 1}();` : ''} }`))).toBe('none')
    expect(fault(list(300, (i) => `struct S${i} { a: ${i ? `S${i - 1}` : 'f32'} }`))).toContain('levels deep')
    expect(fault(list(40, (i) => `const a${i} = ${i ? `array(a${i - 1}, a${i - 1})` : 1};`))).toContain("is a 'const'")
    expect(fault('const a = array<array<array<f32, 60000>, 60000>, 60000>();')).toContain('bytes: too many')
    expect(fault('fn f() { var a = array<array<f32, 60000>, 60>(); a[1][2] = 3; }')).toBe('none')
    expect(fault(`const a = ${'9'.repeat(1e6)};`)).toContain('out of the range')
    expect(fault('fn toString() { let constructor = valueOf(); }')).toContain("unresolved function 'valueOf'")
  })
})
