/** What a wrong shader is, and how tables of them are written. */

export interface Invalid {
  readonly name: string
  readonly source: string
  /** Where the message must point: one of these lines, from 1. */
  readonly lines: readonly number[]
  /** The same without the mistake. */
  readonly valid?: string
  /** Only a pipeline can be refused, with these values of overrides. */
  readonly constants?: Readonly<Record<string, number>>
}

/** By name: what is wrong, and what is right. */
type Kinds = Record<string, readonly [wrong: string, right?: string]>

/** Numbers of the lines marked `//!`, or else `otherwise`. */
function marked(source: string, otherwise: number): number[] {
  const found = source.split('\n').flatMap((text, i) => (text.includes('//!') ? [i + 1] : []))
  return found.length > 0 ? found : [otherwise]
}

/** Within a frame, that is where the line is that has the mistake, where none is marked. */
const kinds = (group: string, list: Kinds, frame: (text: string) => string, line: number): Invalid[] =>
  Object.entries(list).map(([name, [wrong, right]]) => {
    const source = frame(wrong)
    return { name: `${group}: ${name}`, source, lines: marked(source, line), valid: right === undefined ? undefined : frame(right) }
  })

const inFunction = (body: string) => `fn f(i: i32, u: u32, x: f32, b: bool, v: vec3f, w: vec2u, m: mat2x3f) {\n${body}\n}`
export const statements = (group: string, list: Kinds) => kinds(group, list, inFunction, 2)
export const module = (group: string, list: Kinds) => kinds(group, list, (text) => text, 1)
export const inEntry = (group: string, list: Kinds) =>
  kinds(
    group,
    list,
    (body) =>
      `@group(0) @binding(0) var<storage, read_write> s: array<u32>;\nvar<workgroup> g: u32;\nvar<workgroup> q: atomic<u32>;\nvar<private> p: u32;\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) l: u32, @builtin(workgroup_id) wid: vec3u) {\n${body}\n}`,
    6,
  ) // prettier-ignore
export const pipelines = (list: Record<string, readonly [wrong: string, constants: Record<string, number>]>): Invalid[] =>
  Object.entries(list).map(([name, [source, constants]]) => ({
    name: `pipeline: ${name}`,
    source,
    lines: marked(source, 1),
    constants,
  }))
