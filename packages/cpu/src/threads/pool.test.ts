import { afterAll, describe, expect, test } from 'vitest'
import { openPlatform } from '#platform'
import { kernels } from '../testing/fake-compiler.js'
import { runModule } from '../testing/wasm.js'
import { CommandWriter } from './commands.js'
import { createInline } from './inline.js'
import { chunkOf, copyUnit } from './layout.js'
import { createMemory } from './memory.js'
import { createPool } from './pool.js'
import type { Runner } from './runner.js'

const opened: Runner[] = []
afterAll(() => opened.forEach((runner) => runner.close()))

function open(threads: number) {
  const shared = threads > 0
  const memory = createMemory(shared)
  const failures: string[] = []
  const failed = (reason: string) => void failures.push(reason)
  const runner = shared ? createPool({ memory, threads, platform: openPlatform(), failed }) : createInline({ memory, failed })
  opened.push(runner)
  const commands = () => new CommandWriter(Math.max(1, threads), runner.costOf)
  const add = (name: string) => {
    const { body, scratchBytes = 0 } = kernels[name]
    return runner.addPipeline(new WebAssembly.Module(runModule(body, shared)), scratchBytes)
  }
  const dispatch = (list: CommandWriter, pipeline: number, workgroups: number, ...bindings: [address: number, size: number][]) => {
    const at = list.dispatch(pipeline, workgroups, 1, 1, bindings.length)
    list.words.set(bindings.flat(), at)
  }
  const words = (address: number, count: number) => Array.from(memory.i32.subarray(address / 4, address / 4 + count))
  return { memory, runner, failures, commands, add, dispatch, words }
}

describe.each([1, 2, 3, 4, 0])('%i threads (0: the host itself)', (threads) => {
  test('dispatches see all that was before them', async () => {
    const { memory, runner, commands, add, dispatch, words } = open(threads)
    const [number, successor, step] = ['number', 'successor', 'step'].map(add)
    const count = 5000
    const [base, a, b] = [memory.allocate(4)!, memory.allocate(4 * count)!, memory.allocate(4 * count)!]
    memory.i32[base / 4] = 7
    const list = commands()
    dispatch(list, number, count, [base, 4], [a, 4 * count])
    const expected = Array.from({ length: count }, (_, i) => 7 + i)
    // From one end to the other and back, with wide and narrow dispatches.
    for (let round = 0; round < 50; round++) {
      dispatch(list, successor, count, [a, 4 * count], [b, 4 * count])
      dispatch(list, successor, count, [b, 4 * count], [a, 4 * count])
      dispatch(list, step, 1, [a, 4])
      for (let i = 0; i < count; i++) expected[i] += 2
      expected[0] = (Math.imul(3, expected[0]) + 1) | 0
    }
    await runner.wait(runner.submit(list)!)
    expect(words(a, count)).toEqual(expected)
  })

  test('copies and clears of more than one piece, in order', async () => {
    const { memory, runner, commands, words } = open(threads)
    const bytes = 3 * copyUnit + 20
    const [a, b] = [memory.allocate(bytes)!, memory.allocate(bytes)!]
    memory.i32.fill(5, a / 4, (a + bytes) / 4)
    const list = commands()
    list.copy(b, a, bytes)
    list.clear(a, bytes)
    list.copy(a, b, 8)
    list.copy(a, b, 0)
    list.clear(b, 0)
    await runner.wait(runner.submit(list)!)
    expect(words(b, bytes / 4).every((value) => value === 5)).toBe(true)
    expect(words(a, 3)).toEqual([5, 5, 0])
    expect(
      words(a, bytes / 4)
        .slice(2)
        .every((value) => value === 0),
    ).toBe(true)
    // Nothing was written behind.
    expect(words(a + bytes, 1)).toEqual([0])
    expect(words(b + bytes, 1)).toEqual([0])
  })

  test('thousands of submissions, with pauses, one after the other', async () => {
    const { memory, runner, commands, add, dispatch, words } = open(threads)
    const step = add('step')
    const x = memory.allocate(40)!
    let expected = 0
    let submission = 0
    for (let i = 0; i < 3000; i++) {
      const list = commands()
      dispatch(list, step, 10, [x, 40])
      submission = runner.submit(list)!
      expected = (Math.imul(3, expected) + 1) | 0
      if (i % 500 === 0) await runner.wait(submission)
      if (i % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await runner.wait(submission)
    expect(words(x, 10)).toEqual(new Array(10).fill(expected))
    // Blocks of commands that are done go away, once all threads have come past them.
    for (let i = 0; i < 3000 && memory.used > 200_000; i++) {
      await runner.wait(runner.submit(commands())!)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(memory.used).toBeLessThan(200_000)
  })

  test('scratch memory is each thread’s own, also after it grew', async () => {
    const { memory, runner, commands, add, dispatch, words } = open(threads)
    const turns = add('turns')
    const count = 64
    const [limit, out] = [memory.allocate(4)!, memory.allocate(4 * count)!]
    memory.i32[limit / 4] = 20_000
    const list = commands()
    dispatch(list, turns, count, [limit, 4], [out, 4 * count])
    const first = runner.submit(list)!
    runner.addPipeline(new WebAssembly.Module(runModule([], threads > 0)), 100_000)
    const again = runner.submit(list)!
    await runner.wait(first)
    expect(words(out, count)).toEqual(new Array(count).fill(20_000))
    await runner.wait(again)
    expect(words(out, count)).toEqual(new Array(count).fill(20_000))
  })

  test('memory that grew while the threads run is theirs too', async () => {
    const { memory, runner, commands, add, dispatch, words } = open(threads)
    const number = add('number')
    const base = memory.allocate(4)!
    for (const megabytes of [1, 50, 200]) {
      const bytes = megabytes * 2 ** 20
      const [out, copy] = [memory.allocate(bytes)!, memory.allocate(bytes)!]
      const list = commands()
      dispatch(list, number, bytes / 4, [base, 4], [out, bytes])
      list.copy(copy, out, bytes)
      await runner.wait(runner.submit(list)!)
      expect(words(copy + bytes - 8, 2)).toEqual([bytes / 4 - 2, bytes / 4 - 1])
    }
  })

  test('counts from memory: none and too many do nothing', async () => {
    const { memory, runner, commands, add, words } = open(threads)
    const number = add('number')
    const [base, counts, out] = [memory.allocate(4)!, memory.allocate(12)!, memory.allocate(4000)!]
    memory.i32[base / 4] = 1
    const submit = async (...xyz: number[]) => {
      memory.i32.fill(0, out / 4, out / 4 + 1000)
      memory.i32.set(xyz, counts / 4)
      const list = commands()
      const at = list.dispatchIndirect(number, counts, 65535, 2)
      list.words.set([base, 4, out, 4000], at)
      await runner.wait(runner.submit(list)!)
      return words(out, 1000).filter((value) => value !== 0).length
    }
    expect(await submit(10, 5, 4)).toBe(200)
    expect(await submit(0, 1, 1)).toBe(0)
    expect(await submit(65536, 1, 1)).toBe(0)
    expect(await submit(-1, 1, 1)).toBe(0)
    expect(await submit(1, 1, 3)).toBe(3)
  })

  test('times rise', async () => {
    const { memory, runner, commands, add, dispatch } = open(threads)
    const turns = add('turns')
    const [limit, out, times] = [memory.allocate(4)!, memory.allocate(4)!, memory.allocate(16)!]
    memory.i32[limit / 4] = 1_000_000
    const list = commands()
    list.timestamp(times)
    dispatch(list, turns, 1, [limit, 4], [out, 4])
    list.timestamp(times + 8)
    await runner.wait(runner.submit(list)!)
    const [begin, end] = new BigUint64Array(memory.wasm.buffer, times, 2)
    expect(Number(end - begin)).toBeGreaterThan(100_000)
    expect(Number(end - begin)).toBeLessThan(10e9)
  })

  test('a trap closes it with a reason, and promises settle', async () => {
    const { runner, failures, commands, add, dispatch } = open(threads)
    const [trap, nothing] = [add('trap'), add('nothing')]
    const list = commands()
    dispatch(list, nothing, 100)
    dispatch(list, trap, 1)
    const submission = runner.submit(list)!
    await Promise.all([runner.wait(submission), runner.wait(submission)])
    await runner.wait(submission)
    expect(failures).toHaveLength(1)
    expect(failures[0]).toContain('unreachable')
    expect(runner.done()).toBeLessThan(submission)
  })

  test('closed: promises settle, pipelines and submissions do nothing', async () => {
    const { runner, failures, commands, add, dispatch } = open(threads)
    const nothing = add('nothing')
    const list = commands()
    dispatch(list, nothing, 100)
    const waiting = runner.wait(runner.submit(list)!)
    runner.close()
    await waiting
    runner.removePipeline(nothing)
    await runner.wait(runner.submit(list) ?? 0)
    expect(failures).toEqual([])
  })

  test('a pipeline is forgotten only after what was submitted with it', async () => {
    const { memory, runner, commands, add, dispatch, words } = open(threads)
    const x = memory.allocate(4)!
    let submission = 0
    for (let i = 0; i < 20; i++) {
      const step = add('step')
      const list = commands()
      for (let j = 0; j < 100; j++) dispatch(list, step, 1, [x, 4])
      submission = runner.submit(list)!
      runner.removePipeline(step)
      if (i % 5 === 0) await runner.wait(submission)
    }
    await runner.wait(submission)
    let expected = 0
    for (let i = 0; i < 2000; i++) expected = (Math.imul(3, expected) + 1) | 0
    expect(words(x, 1)).toEqual([expected])
  })
})

test('chunks: eight a thread, none too small to be worth taking', () => {
  expect(chunkOf(1600, 2, 0)).toBe(100)
  expect(chunkOf(5, 4, 0)).toBe(1)
  expect(chunkOf(1, 4, 0)).toBe(1)
  // A microsecond each: two in a chunk.
  expect(chunkOf(10, 2, 16_000)).toBe(2)
  // Ten nanoseconds each: all in one.
  expect(chunkOf(100, 2, 160)).toBe(100)
  expect(chunkOf(2 ** 30 - 1, 1, 1)).toBe(2 ** 27)
})
