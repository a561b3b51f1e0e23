import { expect, test } from 'vitest'
import { checkModule } from '../check/index.js'
import { lowerEntryPoint } from './lower.js'
import { analyseShapes } from './shapes.js'
import { eachStatement, writtenBy } from './visit.js'

/** How variables of the entry point differ from lane to lane: 'uniform', 'linear' by how much, or 'varying'. */
function shapesIn(body: string, size = '8', more = ''): Record<string, string> {
  const program = checkModule(`
    struct P { n: u32, m: u32 }
    @group(0) @binding(0) var<uniform> p: P;
    @group(0) @binding(1) var<storage, read_write> a: array<u32>;
    var<workgroup> w: array<u32, 8>;
    ${more}
    @compute @workgroup_size(${size}) fn main(
      @builtin(local_invocation_id) id: vec3<u32>,
      @builtin(local_invocation_index) l: u32,
      @builtin(workgroup_id) g: vec3<u32>,
      @builtin(global_invocation_id) gid: vec3<u32>,
    ) { ${body} }`)
  const kernel = lowerEntryPoint(program, program.entryPoints[0], {})
  analyseShapes(kernel)
  const found: Record<string, string> = {}
  eachStatement(kernel.body, (statement) => {
    for (const { name, shape } of writtenBy(statement))
      if (name && shape) found[name] = shape.varying ? 'varying' : shape.stride === 0 ? 'uniform' : `linear ${shape.stride}`
  })
  return found
}

test('sums of ids by constants are linear, what is made of what all share is uniform', () => {
  const shapes = shapesIn(`
    let group = g.x * p.n + 3u;
    let next = l + group;
    let double = 2u * next - p.m;
    let bytes = (gid.x + 1u) << 2u;
    let back = p.n - l;
    let same = next - l;
    let scaled = l * p.n;
    let half = l / 2u;
    let number = f32(l);
    let signed = i32(l) - 4;
    let length = arrayLength(&a) / 3u;
    a[0] = group + next + double + bytes + back + same + scaled + half + u32(number) + u32(signed) + length;`)
  expect(shapes).toMatchObject({
    ...{ group: 'uniform', next: 'linear 1', double: 'linear 2', bytes: 'linear 4', back: 'linear -1', same: 'uniform' },
    ...{ scaled: 'varying', half: 'varying', number: 'varying', signed: 'linear 1', length: 'uniform' },
  })
})

test('what is loaded is as its place is, but what lanes have of their own', () => {
  const shapes = shapesIn(
    `
    var own: array<u32, 4>;
    own[p.n & 3u] = 1u;
    let given = a[p.n] + 1u;
    let each = a[l] + 1u;
    let together = w[g.x & 7u] + 1u;
    let mine = own[p.n & 3u] + 1u;
    let old = atomic_like(p.n);
    a[1] = given + each + together + mine + old;`,
    '8',
    'fn atomic_like(i: u32) -> u32 { return a[i] + 1u; }',
  )
  expect(shapes).toMatchObject({ given: 'uniform', each: 'varying', together: 'uniform', mine: 'varying', old: 'uniform' })
})

test('variables become varying where only some lanes assign them', () => {
  const shapes = shapesIn(`
    var all = 0u;
    var some = 0u;
    var chosen = p.n;
    if (p.n > 1u) { all += p.m; }
    if (l > 1u) { some = p.n; let inner = p.m; chosen = inner; let local = p.n * 3u; a[local] = 1u; }
    a[2] = all + some + chosen;`)
  expect(shapes).toMatchObject({ all: 'uniform', some: 'varying', chosen: 'varying', local: 'uniform' })
})

test('counters stay what they are though lanes leave their loops at different times', () => {
  const shapes = shapesIn(`
    var total = 0u;
    var turns = 0u;
    for (var i = l; i < p.n; i += 8u) { total += a[i]; turns += 1u; }
    var counted = 0u;
    for (var j = 0u; j < p.n; j += 1u) { counted += 2u; if (p.m == j) { continue; } }
    a[3] = total + turns + counted;`)
  expect(shapes).toMatchObject({ i: 'linear 1', turns: 'varying', total: 'varying', j: 'uniform', counted: 'uniform' })
})

test('what a loop moves behind a continue of some lanes differs where the turn ends', () => {
  const shapes = shapesIn(`
    var i = 0u;
    var sum = 0u;
    loop {
      if (i >= p.n) { break; }
      var step = 1u;
      var inner = 1u;
      if (l > 1u) { continue; }
      step += 4u;
      inner += 4u;
      a[inner] = 1u;
      continuing { sum += step; i += 1u; }
    }
    a[4] = sum;`)
  expect(shapes).toMatchObject({ step: 'varying', inner: 'uniform', sum: 'varying' })
})

test('results of functions that some lanes leave early', () => {
  const functions = `
    fn early(x: u32) -> u32 { if (x > 3u) { return 1u; } return 2u; }
    fn inside(x: u32, y: u32) -> u32 { if (x > 3u) { a[7] = 1u; } return y; }`
  const shapes = shapesIn('let r = early(l); let s = early(p.n); let t = inside(l, p.n); a[5] = r + s + t;', '8', functions)
  expect(shapes).toMatchObject({ r: 'varying', s: 'uniform', t: 'uniform' })
})

test('ids by the form of the workgroup', () => {
  const body = 'let x = id.x + 0u * p.n + p.m; let y = id.y + p.m; let z = id.z + p.m; a[6] = x + y + z;'
  expect(shapesIn(body, '8, 2')).toMatchObject({ x: 'linear 1', y: 'uniform', z: 'uniform' })
  expect(shapesIn(body, '2, 4')).toMatchObject({ x: 'varying', y: 'varying', z: 'uniform' })
  expect(shapesIn(body, '1, 4, 2')).toMatchObject({ x: 'uniform', y: 'linear 1', z: 'uniform' })
  expect(shapesIn(body, '1, 1, 4')).toMatchObject({ x: 'uniform', y: 'uniform', z: 'linear 1' })
  expect(shapesIn(body, '1')).toMatchObject({ x: 'uniform', y: 'uniform', z: 'uniform' })
})
