import { describe, expect, test } from 'vitest'
import { fault } from '../testing/show.js'

const prelude = `
@group(0) @binding(0) var<storage, read_write> data: array<u32>;
@group(0) @binding(1) var<storage> constant: array<u32>;
@group(0) @binding(2) var<uniform> uni: vec4u;
var<workgroup> shared_: array<u32, 64>; var<workgroup> count: atomic<u32>; var<private> mine: u32;
override o = 2u;
fn barrier() { workgroupBarrier(); }
fn when(b: bool) { if b { barrier(); } }
fn same(x: u32) -> u32 { return x; }
fn larger(x: u32) -> u32 { if x > 3 { return 1; } return 2; }
fn put(p: ptr<function, u32>, x: u32) { *p = x; }
fn fetch(p: ptr<function, u32>) -> u32 { return *p; }
fn copy(p: ptr<function, u32>, q: ptr<function, u32>) { *p = *q; }
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
var a = 1u; var b = uni.x; var list = array<u32, 4>();
`

describe('uniform', () => {
  test.each([
    'if b > 1 { workgroupBarrier(); }',
    'if group.x > o && constant[uni.y] == 2 { workgroupBarrier(); storageBarrier(); }',
    'if constant[group.x] > 1 { return; } workgroupBarrier();',
    'for (var i = 0u; i < b; i++) { workgroupBarrier(); if i == uni.y { break; } if i == 3 { continue; } }',
    'loop { a += 1; workgroupBarrier(); continuing { break if a > uni.x; } }',
    'if lane > 1 { data[lane] = 1; } workgroupBarrier();',
    'while lane + a < 9 { a++; } workgroupBarrier();',
    'let n = workgroupUniformLoad(&count); if n > 2 { workgroupBarrier(); }',
    'when(arrayLength(&data) > 1);',
    'put(&a, b); when(fetch(&a) > 1); copy(&a, &b); when(larger(a) == 1);',
    'a = lane; a = 2; when(a > 1);',
    'list[1] = b; let p = &list[2]; *p = uni.z; when(list[b] > 1);',
    'switch b { case 1: { workgroupBarrier(); } default: { if b > 2 { break; } workgroupBarrier(); } }',
    'if lane > 1 { a = 3; return; } a = 2;',
    // What is never come to does not count.
    'return; if lane > 1 { workgroupBarrier(); }',
    'while b > 3 { a = lane; return; } when(a > 1);',
  ])('%s', (statements) => expect(fault(`${prelude}${statements}\n}`)).toBe('none'))
})

describe('not uniform', () => {
  const why = (text: string) => `must be called in uniform control flow, but here it depends on ${text} in line `
  test.each([
    ['if lane > 1 { workgroupBarrier(); }', `16:15 'workgroupBarrier' ${why("'lane' (local_invocation_index)")}14`],
    ['if data[0] > 1 { storageBarrier(); }', `16:18 'storageBarrier' ${why("'data', which invocations may change,")}16`],
    ['if mine > 1 { barrier(); }', `16:15 'workgroupBarrier' in 'barrier' ${why("'mine', which invocations may change,")}16`],
    ['when(shared_[0] > 1);', `16:1 'workgroupBarrier' in 'barrier' in 'when' ${why("'shared_', which invocations may change,")}16`],
    ['when(atomicLoad(&count) > 1);', `16:1 'workgroupBarrier' in 'barrier' in 'when' ${why("the result of 'atomicLoad'")}16`],
    ['when(constant[lane] > 1);', "it depends on 'lane' (local_invocation_index)"],
    ['if lane > 1 { return; } workgroupBarrier();', '16:25'],
    ['for (var i = lane; i < 64; i += 8) { workgroupBarrier(); }', '16:38'],
    ['for (var i = 0u; i < 4; i++) { if lane == i { continue; } workgroupBarrier(); }', '16:59'],
    ['loop { if lane > a { break; } a++; workgroupBarrier(); }', '16:36'],
    ['while lane > a { a++; } when(a > 1);', '16:25'],
    ['if lane > 1 { a = 3; } when(a > 1);', '16:24'],
    ['list[0] = lane; when(list[1] > 1);', '16:17'],
    ['list[lane] = 1; when(list[1] > 1);', '16:17'],
    ['let p = &a; *p = lane; when(a > 1);', '16:24'],
    ['put(&a, lane); when(a > 1);', '16:16'],
    ['put(&a, lane); copy(&b, &a); when(same(b) > 1);', '16:30'],
    ['when(larger(lane) > 1);', '16:1'],
    ['if lane > 1 && b > 2 { workgroupBarrier(); }', '16:24'],
    ['when(b > 1 || lane > 2);', '16:1'],
    ['switch lane { case 1: { workgroupBarrier(); } default: { } }', '16:25'],
    ['switch b { case 1: { if lane > 1 { break; } workgroupBarrier(); } default: { } }', '16:45'],
    ['let n = workgroupUniformLoad(&shared_[lane]);', "16:9 'workgroupUniformLoad'"],
    ['loop { if b > 9 { break; } if a > 2 { a = lane; continue; } continuing { when(a > 1); } }', '16:74'],
  ])('%s', (statements, message) => expect(fault(`${prelude}${statements}\n}`)).toContain(message))
})
