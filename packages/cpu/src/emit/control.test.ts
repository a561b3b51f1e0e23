/** Lanes that part: each must do what it would do alone, which a scalar rendering of the same shader says. */
import { expect, test } from 'vitest'
import { createSandbox } from '../testing/sandbox.js'

type Invocation = (l: number, p: readonly number[]) => number[]

/** Stores of `body` are `put(word, value)`, four words a lane. */
function agree(body: string, scalar: Invocation): void {
  for (const lanes of [1, 3, 4, 6, 8]) {
    const sandbox = createSandbox(`
      @group(0) @binding(0) var<storage, read_write> o: array<u32>;
      @group(0) @binding(1) var<uniform> p: vec4<u32>;
      fn put(l: u32, word: u32, value: u32) { o[4u * l + word] = value; }
      fn pick(x: u32) -> u32 { for (var i = 0u; i < 9u; i++) { if (i * i >= x) { return i; } } return 77u; }
      @compute @workgroup_size(${lanes}) fn main(@builtin(local_invocation_index) l: u32) { ${body} }`)
    for (const p of [
      [0, 0, 0, 0],
      [1, 2, 3, 4],
      [5, 3, 1, 2],
      [7, 7, 2, 0],
    ]) {
      const o = new Uint32Array(4 * lanes)
      sandbox.run([1, 1, 1], [o, Uint32Array.from(p)])
      const wanted = Array.from({ length: lanes }, (_, l) => scalar(l, p)).flat()
      expect(Array.from(o), `${lanes} lanes, parameters ${p}`).toEqual(wanted)
    }
  }
}

test('break and continue of some lanes in loops around each other', () =>
  agree(
    `
    var s = 0u; var turns = 0u;
    for (var i = 0u; i < p.x + 2u; i++) {
      if (i == l) { continue; }
      for (var j = 0u; j < 4u; j++) {
        turns++;
        if (j == (l & 3u)) { continue; }
        if (i + j > l + p.y) { break; }
        s = s * 3u + i + j;
      }
      if (s > 1000u * (l + 1u)) { break; }
      s += 1u;
    }
    put(l, 0u, s); put(l, 1u, turns);`,
    (l, [x, y]) => {
      let [s, turns] = [0, 0]
      for (let i = 0; i < x + 2; i++) {
        if (i === l) continue
        for (let j = 0; j < 4; j++) {
          turns++
          if (j === (l & 3)) continue
          if (i + j > l + y) break
          s = (Math.imul(s, 3) + i + j) >>> 0
        }
        if (s > 1000 * (l + 1)) break
        s = (s + 1) >>> 0
      }
      return [s, turns, 0, 0]
    },
  ))

test('return from within loops, of some lanes and of functions', () =>
  agree(
    `
    put(l, 0u, pick(l * p.x));
    for (var i = 0u; ; i++) {
      put(l, 1u, i);
      if (i * p.z >= l) { if (l == 2u) { return; } break; }
      if (i > 6u) { put(l, 2u, 9u); return; }
    }
    put(l, 3u, pick(l + p.y));`,
    (l, [x, y, z]) => {
      const pick = (value: number) => [0, 1, 2, 3, 4, 5, 6, 7, 8].find((i) => i * i >= value) ?? 77
      const o = [pick(l * x), 0, 0, 0]
      for (let i = 0; ; i++) {
        o[1] = i
        if (i * z >= l) {
          if (l === 2) return o
          break
        }
        if (i > 6) {
          o[2] = 9
          return o
        }
      }
      o[3] = pick(l + y)
      return o
    },
  ))

test('switches, in loops that go on', () =>
  agree(
    `
    var s = 0u;
    for (var i = 0u; i < 5u; i++) {
      switch ((l + i) % 4u) {
        case 0u: { s += 1u; if (i == p.x) { break; } s += 10u; }
        case 1u, 2u: { if (l == p.y) { continue; } s += 100u; }
        default: { if (i > p.z) { put(l, 1u, i); return; } s += 1000u; }
      }
      s += 10000u;
    }
    put(l, 0u, s);`,
    (l, [x, y, z]) => {
      let s = 0
      for (let i = 0; i < 5; i++) {
        const kind = (l + i) % 4
        if (kind === 0) s += i === x ? 1 : 11
        else if (kind < 3) {
          if (l === y) continue
          s += 100
        } else {
          if (i > z) return [0, i, 0, 0]
          s += 1000
        }
        s += 10000
      }
      return [s, 0, 0, 0]
    },
  ))

test('what a turn declares is there where it ends, for lanes that continued too', () =>
  agree(
    `
    var s = 0u; var i = 0u;
    loop {
      if (i >= p.x) { break; }
      var step = 1u + l;
      var same = 2u;
      if (((l + i) & 1u) == 0u) { continue; }
      step += 4u;
      same += 3u;
      continuing { s = s * 5u + step + same; i += 1u; break if i * l > 9u; }
    }
    put(l, 0u, s); put(l, 1u, i);`,
    (l, [x]) => {
      let [s, i] = [0, 0]
      while (i < x) {
        const odd = ((l + i) & 1) !== 0
        s = (Math.imul(s, 5) + 3 + l + (odd ? 7 : 0)) >>> 0
        i++
        if (i * l > 9) break
      }
      return [s, i, 0, 0]
    },
  ))
