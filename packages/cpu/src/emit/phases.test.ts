/** Workgroups of several groups of lanes, which barriers cut into phases. */
import { expect, test } from 'vitest'
import { createSandbox } from '../testing/sandbox.js'

const head = `
  @group(0) @binding(0) var<storage, read_write> o: array<u32>;
  @group(0) @binding(1) var<uniform> p: vec4<u32>;
  var<workgroup> w: array<u32, 32>;
  var<private> kept: u32;
`
function run(lanes: number, body: string, p: readonly number[] = [3, 0, 0, 0]): number[] {
  const sandbox = createSandbox(
    `${head}@compute @workgroup_size(${lanes}) fn main(@builtin(local_invocation_index) l: u32, @builtin(workgroup_id) g: vec3<u32>) { ${body} }`,
  )
  const o = new Uint32Array(2 * lanes)
  // Of a body that names no parameters there is no such binding.
  const all = [o, Uint32Array.from(p)]
  sandbox.run(
    [2, 1, 1],
    sandbox.pipeline.bindings.map(({ binding }) => all[binding]),
  )
  return Array.from(o)
}
const sizes = [1, 3, 4, 6, 8, 13, 32]
const wanted = (lanes: number, value: (l: number, g: number) => number) =>
  Array.from({ length: 2 * lanes }, (_, i) => value(i % lanes, Math.floor(i / lanes)) >>> 0)

test('what other lanes stored before a barrier', () => {
  for (const lanes of sizes)
    expect(run(lanes, `w[l] = l * l + g.x; workgroupBarrier(); o[g.x * ${lanes}u + l] = w[(l + 1u) % ${lanes}u];`)).toEqual(
      wanted(lanes, (l, g) => ((l + 1) % lanes) ** 2 + g),
    )
})

test('barriers in loops around each other, with values that cross them', () => {
  const body = (lanes: number) => `
    var own = l;
    kept = l + 1u;
    w[l] = l;
    for (var i = 0u; i < p.x; i++) {
      let here = own * 2u + i;
      for (var j = 0u; j < 2u; j++) {
        workgroupBarrier();
        let other = w[(l + 1u) % ${lanes}u];
        workgroupBarrier();
        w[l] = w[l] + other + j;
        own += here;
        kept = kept * 3u + own;
      }
      if (i == 1u) { continue; }
      own ^= i;
    }
    workgroupBarrier();
    o[g.x * ${lanes}u + l] = own + w[l] * 7u + kept;`
  for (const lanes of sizes) {
    const w = Array.from({ length: lanes }, (_, l) => l)
    const own = w.slice()
    const kept = w.map((l) => l + 1)
    for (let i = 0; i < 3; i++) {
      const here = own.map((value) => (value * 2 + i) >>> 0)
      for (let j = 0; j < 2; j++) {
        const before = w.slice()
        for (let l = 0; l < lanes; l++) {
          w[l] = (before[l] + before[(l + 1) % lanes] + j) >>> 0
          own[l] = (own[l] + here[l]) >>> 0
          kept[l] = (Math.imul(kept[l], 3) + own[l]) >>> 0
        }
      }
      if (i !== 1) for (let l = 0; l < lanes; l++) own[l] = (own[l] ^ i) >>> 0
    }
    expect(run(lanes, body(lanes))).toEqual(wanted(lanes, (l) => own[l] + Math.imul(w[l], 7) + kept[l]))
  }
})

test('what all share is the same in every group of lanes, however often it is computed', () => {
  const body = (lanes: number) => `
    var same = p.x;
    for (var i = 0u; i < 3u; i++) {
      same = same * 2u + 1u;
      workgroupBarrier();
      same += i;
    }
    o[g.x * ${lanes}u + l] = same;`
  for (const lanes of sizes) expect(run(lanes, body(lanes))).toEqual(wanted(lanes, () => ((3 * 2 + 1) * 2 + 1 + 1) * 2 + 1 + 2))
})

test('a loop that ends by what lane 0 stored, and lanes that are done behind the last barrier', () => {
  const body = (lanes: number) => `
    var turns = 0u;
    loop {
      if (l == 0u) { w[0] = turns * turns; }
      let seen = workgroupUniformLoad(&w[0]);
      if (seen > 10u) { break; }
      turns++;
    }
    workgroupBarrier();
    if (l % 2u == 1u) { return; }
    o[g.x * ${lanes}u + l] = turns;`
  for (const lanes of sizes) expect(run(lanes, body(lanes))).toEqual(wanted(lanes, (l) => (l % 2 ? 0 : 4)))
})

test('branches with barriers that all take', () => {
  const body = (lanes: number) => `
    w[l] = l;
    var mine = 5u * l;
    if (p.x > 2u) { workgroupBarrier(); mine += w[${lanes - 1}u - l]; } else { mine = 0u; workgroupBarrier(); }
    switch (p.y) { case 0u: { workgroupBarrier(); mine += 100u; } default: { mine = 1u; } }
    o[g.x * ${lanes}u + l] = mine;`
  for (const lanes of sizes) {
    expect(run(lanes, body(lanes))).toEqual(wanted(lanes, (l) => 5 * l + lanes - 1 - l + 100))
    expect(run(lanes, body(lanes), [1, 0, 0, 0])).toEqual(wanted(lanes, () => 100))
    expect(run(lanes, body(lanes), [1, 4, 0, 0])).toEqual(wanted(lanes, () => 1))
  }
})

test('what only some groups of lanes assign before a barrier', () => {
  const row = (body: string): number[] => {
    const code = `@group(0) @binding(0) var<storage, read_write> o: array<u32>;
      var<workgroup> w: array<u32, 32>;
      @compute @workgroup_size(8, 4) fn main(@builtin(local_invocation_index) l: u32, @builtin(local_invocation_id) id: vec3<u32>) {
        var own = 5u; ${body} w[l] = 0u; workgroupBarrier(); o[l] = own + w[l];
      }`
    const o = new Uint32Array(32)
    createSandbox(code).run([1, 1, 1], [o])
    return [0, 8, 16, 24].map((first) => {
      expect(new Set(o.slice(first, first + 8)).size).toBe(1)
      return o[first]
    })
  }
  expect(row('if id.y == 1u { own = 7u; }')).toEqual([5, 7, 5, 5])
  expect(row('if id.y > 0u { if id.y < 3u { own++; } } else { own = 0u; }')).toEqual([0, 6, 6, 5])
  expect(row('for (var i = 0u; i < id.y; i++) { own += 2u; }')).toEqual([5, 7, 9, 11])
  expect(row('for (var i = 0u; i < 4u; i++) { if i == id.y { continue; } own += i; }')).toEqual([11, 10, 9, 8])
  expect(row('var i = 0u; loop { if i >= id.y { break; } i++; } own = i;')).toEqual([0, 1, 2, 3])
  expect(row('switch id.y { case 2u: { own = 1u; } default: { if id.y == 3u { break; } own = 2u; } }')).toEqual([2, 2, 1, 5])
})
