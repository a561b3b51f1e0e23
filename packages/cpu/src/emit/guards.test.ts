import { expect, test } from 'vitest'
import { createSandbox, poison } from '../testing/sandbox.js'

const head = `
struct P { n: u32, m: u32, k: u32, c: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage> a: array<u32>;
@group(0) @binding(2) var<storage, read_write> o: array<u32>;
fn bump(x: ptr<function, u32>, unlike: u32) { if (unlike < p.c) { return; } *x += 1u; }
`

/** What `o` is afterwards; everything it might read is below `poison`, and everything else is not. */
function run(body: string, parameters: readonly number[], lanes = 1): number[] {
  const code = `${head}@compute @workgroup_size(${lanes}) fn main(@builtin(local_invocation_index) l: u32) { ${body} }`
  const sandbox = createSandbox(code)
  const all = [Uint32Array.from(parameters), Uint32Array.from({ length: 8 }, (_, i) => 100 + i), new Uint32Array(8)]
  sandbox.run(
    [1, 1, 1],
    sandbox.pipeline.bindings.map(({ binding }) => all[binding]),
  )
  for (const value of all[2]) expect(value).toBeLessThan(poison)
  return Array.from(all[2])
}
const count = (value: number) => (each: number[]) => each.filter((found) => found === value).length

/** Each had a test in front of the loop that let it go out of bounds. */
const nests: readonly [name: string, body: string, parameters: number[], lanes?: number][] = [
  [
    'a load before the exit is made once more',
    'var x = 0u; var i = 0u; loop { x = a[i]; if (!(i < p.n)) { break; } i += 1u; } o[0] = x;',
    [8, 0, 0, 0],
  ],
  [
    'by as much as a step',
    'var x = 0u; var i = 0u; loop { x = max(x, a[i]); if (!(i < p.n)) { break; } continuing { i += 1000000u; } } o[0] = x;',
    [8, 0, 0, 0],
  ],
  [
    'what moves before the exit moves once more',
    'var at = 0u; for (var j = 0u; j < p.n; j += 1u) { for (var i = 0u; ; ) { at += 1u; if (!(i < p.m)) { break; } i += 1u; } for (var k = 0u; k < 1u; k++) { o[at] = 7u; } }',
    [3, 2, 0, 0],
  ],
  [
    'a continue passes the counter over',
    'var at = 0u; var i = 0u; loop { if (!(i < p.n)) { break; } o[at] = 7u; at += 1u; if (at < p.c) { continue; } i += 1u; }',
    [8, 0, 0, 100],
  ],
  [
    'a return from a function passes the counter over',
    'var at = 0u; var i = 0u; loop { if (!(i < p.n)) { break; } o[at] = 7u; at += 1u; bump(&i, at); }',
    [8, 0, 0, 100],
  ],
  [
    'a break out of a switch passes the counter over',
    'var at = 0u; var i = 0u; loop { if (!(i < p.n)) { break; } o[at] = 7u; at += 1u; switch (p.m) { default: { if (at < p.c) { break; } i += 1u; } } }',
    [8, 0, 0, 100],
  ],
  [
    'a continue passes the first step over',
    'var at = 0u; var i = 0u; loop { if (!(i < p.n)) { break; } if (p.c == 3u) { continue; } at += 1u; continuing { o[at - 1u] = 7u; i += 1u; } }',
    [8, 0, 0, 3],
  ],
  [
    'a counter wraps past the end',
    'var at = 0u; for (var i = 0u; i < 0xffffffffu; i += 0x40000000u) { o[at] = 7u; at += 1u; if (at > 100u) { break; } }',
    [0, 0, 0, 0],
  ],
  [
    'a counter reaches the greatest number',
    'var at = 0u; for (var i = 0xfffffffeu; i <= p.n; i += 1u) { o[at] = 7u; at += 1u; if (at > 100u) { break; } }',
    [0xffffffff, 0, 0, 0],
  ],
  [
    'a signed counter wraps',
    'var at = 0u; for (var i = 0; i < 2147483647; i += 1073741824) { o[at] = 7u; at += 1u; if (at > 100u) { break; } }',
    [0, 0, 0, 0],
  ],
  [
    'a counter wraps in the last lane only',
    'var at = 0u; for (var i = l << 30u; i < 0xffffffffu; i += 0x20000000u) { o[at * 4u + l] = 7u; at += 1u; if (at > 100u) { break; } }',
    [0, 0, 0, 0],
    4,
  ],
  [
    'an end moves in the turn that it ends',
    'var n = 0u; for (var j = 0u; j < p.n; j += 1u) { n += p.m; for (var i = 0u; i < n; i += 1u) { o[i] = 7u; } }',
    [3, 3, 0, 0],
  ],
  ['a negative end', 'for (var i = 0; i < i32(p.n); i += 1) { for (var j = 0; j < i32(p.m); j += 1) { o[i * j] = 7u; } }', [-9, -9, 0, 0]],
  [
    'sums beyond 2^53',
    `for (var i = 0u; i < 2u; i += 1u) { o[i + ${Array(250).fill('p.n * p.m').join(' + ')} - ${Array(250).fill('p.m * p.n').join(' - ')} + p.k] = 7u; }`,
    [8388607, 8388607, 9, 0],
  ],
  [
    'products beyond 2^53',
    'for (var i = 0u; i < 1u; i += 1u) { let x = u32(i32((i % 2u + 0x7fffffffu) * 2047u)) * 4097u; o[x - 0xff7fffffu + i] = 7u; }',
    [0, 0, 0, 0],
  ],
]
for (const [name, body, parameters, lanes] of nests) test(`nests stay inside: ${name}`, () => void run(body, parameters, lanes))

test('what is in range is done on either way', () => {
  const nest = (to: string) => `for (var j = 0u; j < p.n; j += 1u) { for (var i = 0u; i < p.m; i += 1u) { ${to} } }`
  expect(run(nest('o[j * p.m + i] = a[j * p.m + i];'), [2, 4, 0, 0])).toEqual([100, 101, 102, 103, 104, 105, 106, 107])
  // One turn too many: the test in front fails.
  expect(run(nest('o[j * p.m + i] = a[j * p.m + i];'), [3, 4, 0, 0])).toEqual([100, 101, 102, 103, 104, 105, 106, 107])
  expect(run('for (var i = 0u; i < p.n; i += 1u) { o[4u * i + l] = a[4u * i + l]; }', [2, 0, 0, 0], 4)).toEqual([
    100, 101, 102, 103, 104, 105, 106, 107,
  ])
  expect(run('for (var i = 0u; i < p.n; i += 1u) { o[4u * i + l + 1u] = 7u; }', [2, 0, 0, 0], 4)).toEqual([0, 7, 7, 7, 7, 7, 7, 7])
})

test('counters that begin below zero, and offsets that do', () => {
  expect(run('for (var i = -3; i < 3; i += 1) { o[i] = 7u; }', [0, 0, 0, 0])).toEqual([7, 7, 7, 0, 0, 0, 0, 0])
  expect(run('for (var i = 0u; i < 8u; i += 1u) { o[i - p.n] = i; }', [3, 0, 0, 0])).toEqual([3, 4, 5, 6, 7, 0, 0, 0])
  expect(run('for (var i = p.n; i < p.m; i += 1u) { o[i] = 7u; }', [5, 2, 0, 0])).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
})

test('of two stores side by side the one inside is made', () => {
  expect(run('o[p.n] = 1u; o[p.n + 1u] = 2u;', [7, 0, 0, 0])[7]).toBe(1)
  expect(run('o[p.n] = 1u; o[p.n + 1u] = 2u;', [0xffffffff, 0, 0, 0])[0]).toBe(2)
  expect(run('var q: array<u32, 4>; q[p.n] = 1u; q[p.n + 1u] = 2u; o[l] = q[3u - l * p.m];', [3, 0, 0, 0], 4)).toEqual([
    1, 1, 1, 1, 0, 0, 0, 0,
  ])
})

test('more words side by side than a private array has', () => {
  for (const index of ['p.n', 'p.n * a[l]'])
    run(`var q: array<u32, 2>; let i = ${index}; q[i] = 1u; q[i + 1u] = 2u; q[i + 2u] = 3u; o[l] = q[l & 1u];`, [1000000, 0, 0, 0], 4)
})

test('an index of a uniform array that becomes a constant, outside', () => {
  const code = (index: string) => `
    @group(0) @binding(0) var<storage, read_write> o: array<u32>;
    @group(0) @binding(1) var<uniform> t: array<vec4<u32>, 3>;
    @compute @workgroup_size(1) fn main(@builtin(workgroup_id) w: vec3<u32>) { o[0] = t[${index}].x; }`
  for (const index of ['w.x * 0x20000000u + 3u', 'w.x * 0x20000000u + 0xfffffffu', 'w.x * 0x20000000u + 0x7ffffffu']) {
    const [o, t] = [new Uint32Array(1), new Uint32Array(12).fill(5)]
    createSandbox(code(index)).run([1, 1, 1], [o, t])
    expect(o[0]).toBeLessThan(poison)
  }
})

test('atomics and workgroup memory at any index', () => {
  const code = `
    struct P { n: u32, m: u32, k: u32, c: u32 }
    @group(0) @binding(0) var<uniform> p: P;
    @group(0) @binding(1) var<storage, read_write> o: array<atomic<u32>>;
    var<workgroup> before: array<u32, 2>;
    var<workgroup> middle: array<atomic<i32>, 3>;
    var<workgroup> after: array<u32, 2>;
    @compute @workgroup_size(LANES) fn main(@builtin(local_invocation_index) l: u32) {
      for (var i = 0u; i < 6u; i += 1u) {
        atomicMax(&middle[i * p.n + l], 9);
        atomicAdd(&o[i * p.n + l + p.m], 1u);
        let got = atomicCompareExchangeWeak(&o[(i + l) * p.k], 77u, 78u);
        atomicStore(&middle[i - p.m - l], 4);
        if (got.exchanged) { before[i + p.n] = 0u; }
      }
      atomicAdd(&o[1], before[0] + before[1] + after[0] + after[1]);
    }`
  for (const lanes of [1, 3, 4, 6]) {
    const sandbox = createSandbox(code.replace('LANES', `${lanes}`))
    for (const n of [0, 1, 5, 0x40000000, 0xffffffff])
      for (const m of [0, 1, 0x3fffffff]) {
        const o = new Uint32Array(2)
        sandbox.run([1, 1, 1], [Uint32Array.of(n, m, n ^ m, 0), o])
        expect(Math.max(...o)).toBeLessThan(100)
      }
  }
})

test('what is bound may be as small as one element', () => {
  const code = `
    @group(0) @binding(0) var<storage, read_write> o: array<vec4<u32>>;
    @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) l: u32) { for (var i = 0u; i < 9u; i++) { o[l + i] = o[l * i] + 1u; } }`
  const o = new Uint32Array(4)
  createSandbox(code).run([1, 1, 1], [o])
  expect(count(o[0])(Array.from(o))).toBe(4)
})
