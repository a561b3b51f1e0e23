/** A compiler whose WGSL is names of ready kernels, for tests of what is around the real one. `wrong` among them is an error there. */
import { type Override, type Program, WgslError } from '../check/program.js'
import type { Compiler } from '../device/core.js'
import type { BindingUse } from '../emit/pipeline.js'
import { add, address, constant, get, load, loop, mul, runModule, set, shiftLeft, size, store, unreachable, when } from './wasm.js'

interface FakeKernel {
  readonly bindings: readonly BindingUse[]
  readonly body: readonly number[]
  readonly scratchBytes?: number
  readonly workgroupSize?: readonly [number, number, number]
  readonly workgroupBytes?: number
}

const uniform = (binding: number, group = 0, minSize = 4): BindingUse => ({ group, binding, type: 'uniform', minSize })
const storage = (binding: number, group = 0): BindingUse => ({ group, binding, type: 'storage', minSize: 4 })
const readOnly = (binding: number, group = 0): BindingUse => ({ group, binding, type: 'read-only-storage', minSize: 4 })

/** For every workgroup, local 1 counting; outside of `binding` (words) nothing is done. */
const each = (binding: number, body: number[]) =>
  loop(1, get(2), when([...get(1), ...constant(2), ...shiftLeft, ...size(binding), 0x49], body))
const element = (binding: number) => [...address(binding), ...get(1), ...constant(2), ...shiftLeft, ...add]

export const kernels: Readonly<Record<string, FakeKernel>> = {
  nothing: { bindings: [], body: [] },
  /** out[n] = base + n */
  number: {
    bindings: [uniform(0), storage(1)],
    body: each(1, [...element(1), ...address(0), ...load(), ...get(1), ...add, ...store()]),
  },
  /** The same with the uniform in group 1. */
  numberApart: {
    bindings: [storage(0), uniform(0, 1)],
    body: each(0, [...element(0), ...address(1), ...load(), ...get(1), ...add, ...store()]),
  },
  /** out[n] = in[n] + 1 */
  successor: {
    bindings: [readOnly(0), storage(1)],
    body: each(1, [...element(1), ...element(0), ...load(), ...constant(1), ...add, ...store()]),
  },
  /** x[n] = 3 x[n] + 1 */
  step: {
    bindings: [storage(0)],
    body: each(0, [...element(0), ...element(0), ...load(), ...constant(3), ...mul, ...constant(1), ...add, ...store()]),
  },
  /** b[n] = a[n], both writable */
  copy: { bindings: [storage(0), storage(1)], body: each(1, [...element(1), ...element(0), ...load(), ...store()]) },
  /** out[n] = the number of turns that the uniform says, counted in scratch memory */
  turns: {
    bindings: [uniform(0), storage(1)],
    scratchBytes: 4096,
    body: each(1, [
      ...[...get(3), ...constant(0), ...store(), ...constant(0), ...set(4)],
      ...loop(4, [...address(0), ...load()], [...get(3), ...get(3), ...load(), ...constant(1), ...add, ...store()]),
      ...[...element(1), ...get(3), ...load(), ...store()],
    ]),
  },
  trap: { bindings: [], body: unreachable },
  wide: { bindings: [], body: [], workgroupSize: [2000, 1, 1] },
  hungry: { bindings: [], body: [], workgroupBytes: 2 ** 20 },
  needy: { bindings: [uniform(0, 0, 64)], body: [] },
}

const position = { line: 1, column: 1, offset: 0, length: 1 }
const f32 = { kind: 'scalar', name: 'f32' } as const
const overrides: readonly Override[] = [
  { kind: 'override', name: 'scale', type: f32, position },
  { kind: 'override', name: 'shift', id: 7, type: f32, position },
]

export const fakeCompiler: Compiler = {
  check(source) {
    const names = source.split(/\s+/).filter((name) => name !== '')
    const wrong = source.indexOf('wrong')
    if (wrong >= 0) {
      const lines = source.slice(0, wrong).split('\n')
      const at = { line: lines.length, column: lines.at(-1)!.length + 1, offset: wrong, length: 5 }
      throw new WgslError("expected a kernel, found 'wrong'", at)
    }
    const message = { type: 'warning', message: 'this is not WGSL', position } as const
    return { source, overrides, entryPoints: names.map((name) => ({ name })), messages: [message] } as unknown as Program
  },
  compile(_program, entryPoint, _constants, { shared }) {
    const { bindings, body, scratchBytes = 0, workgroupSize = [1, 1, 1], workgroupBytes = 0 } = kernels[entryPoint]
    return { wasm: runModule(body, shared), bindings, workgroupSize, workgroupBytes, scratchBytes }
  },
}
