/**
 * The program of a thread, as text: it must not depend on how this package is bundled, minified or run from its sources.
 * `layout.ts` says how it talks with the host.
 */
import { block, command, control, copyUnit, costs, op, worth } from './layout.js'

/** How long a thread that has nothing to do watches for work before it sleeps, in microseconds: about what sleeping and waking cost. */
const watching = 60

/** The first message to a thread. */
export interface Start {
  readonly start: {
    readonly memory: WebAssembly.Memory
    readonly bulk: WebAssembly.Module
    /** Its number, from 0. */
    readonly thread: number
    /** Address in words of the block to begin after. */
    readonly block: number
  }
}

/** Further messages: a pipeline that blocks appended later may use; one that no block will use any more. */
export type Message = Start | { readonly pipeline: number; readonly module: WebAssembly.Module } | { readonly forget: number }

/** What a thread tells the host. */
export type Report = { readonly signal: number } | { readonly failed: string }

export const workerCode = `'use strict'
const inNode = typeof process === 'object' && typeof require === 'function'
const port = inNode ? require('node:worker_threads').parentPort : self
let memory, words, bulk, thread, at, first, count, over = false
const modules = new Map(), runs = new Map()
const pause = Atomics.pause || (() => {})

function receive(message) {
  if (message.start) begin(message.start)
  else if (message.module) modules.set(message.pipeline, message.module)
  else { modules.delete(message.forget); runs.delete(message.forget) }
  if (memory && !over) try { work() } catch (error) { fail(error) }
}

function fail(error) {
  over = true
  port.postMessage({ failed: String((error && error.stack) || error) })
}

function begin(start) {
  memory = start.memory
  thread = start.thread
  bulk = new WebAssembly.Instance(start.bulk, { env: { memory } }).exports
  words = new Int32Array(memory.buffer)
  enter(start.block)
}

// Stands at a block. What is before it may be freed.
function enter(address) {
  see(address + ${block.commands})
  at = address
  count = words[at + ${block.count}]
  first = words[at + ${block.first}]
  see((words[at + ${block.memory}] >>> 0) - 1)
  Atomics.store(words, ${control.positions} + ${control.positionStride} * thread, words[at + ${block.number}])
}

// The host may have grown the memory since the view was made. Growing by nothing makes an engine look again.
function see(word) {
  if (word < words.length) return
  words = new Int32Array(memory.buffer)
  if (word < words.length) return
  memory.grow(0)
  words = new Int32Array(memory.buffer)
}

// Runs what there is until a pipeline's module has yet to arrive.
function work() {
  for (;;) {
    const epoch = Atomics.load(words, ${control.epoch})
    const done = Atomics.load(words, ${control.progress})
    const index = (done - first) | 0
    if (index < count) {
      const here = at + words[at + ${block.commands} + index]
      if ((Atomics.load(words, here + ${command.next}) >>> 0) < (words[here + ${command.total}] >>> 0)) {
        if (!take(here, done)) return
        continue
      }
    } else {
      const next = Atomics.load(words, at + ${block.next})
      if (next !== 0) {
        enter(next)
        continue
      }
    }
    rest(epoch, index >= count)
  }
}

// Until the epoch is another one, or about.
function rest(epoch, idle) {
  if (!idle) watch(epoch)
  else {
    if (Atomics.add(words, ${control.watchers}, 1) === 0) watch(epoch)
    Atomics.sub(words, ${control.watchers}, 1)
  }
  Atomics.add(words, ${control.sleepers}, 1)
  Atomics.wait(words, ${control.epoch}, epoch)
  Atomics.sub(words, ${control.sleepers}, 1)
}

function watch(epoch) {
  for (let turn = 0, end = 0; ; turn++) {
    if (Atomics.load(words, ${control.epoch}) !== epoch) return
    pause()
    if ((turn & 63) !== 63) continue
    const now = performance.now()
    if (end === 0) end = now + ${watching / 1000}
    else if (now > end) return
  }
}

// Takes chunks of the command until there are none; false: can not run it yet.
function take(here, done) {
  const kind = words[here + ${command.op}]
  const run = kind === ${op.dispatch} ? pipeline(words[here + ${command.args}]) : other
  if (!run) return false
  const total = words[here + ${command.total}] >>> 0
  const chunk = words[here + ${command.chunk}]
  let unit = Atomics.add(words, here + ${command.next}, chunk) >>> 0
  if (unit >= total) return true
  if (kind === ${op.dispatch}) dispatch(here, done, run, unit, chunk, total)
  else {
    if (unit === 0 && total > 1) wake(total - 1)
    let mine = 0
    do {
      run(here, kind, unit, unit + chunk)
      mine += chunk
      unit = Atomics.add(words, here + ${command.next}, chunk) >>> 0
    } while (unit < total)
    finish(here, done, mine, total)
  }
  return true
}

function finish(here, done, mine, total) {
  if (((Atomics.add(words, here + ${command.done}, mine) + mine) >>> 0) !== total) return
  Atomics.store(words, ${control.progress}, (done + 1) | 0)
  Atomics.add(words, ${control.epoch}, 1)
}

function wake(count) {
  const sleepers = Atomics.load(words, ${control.sleepers})
  if (sleepers > 0) Atomics.notify(words, ${control.epoch}, Math.min(sleepers, count))
}

function dispatch(here, done, run, unit, chunk, total) {
  const record = 4 * (here + ${command.args + 1})
  const scratch = words[at + ${block.scratch}] + thread * words[at + ${block.scratchStride}]
  const cost = ${costs.at} + words[here + ${command.args}] % ${costs.count}
  const known = words[cost]
  const shared = total > chunk
  // The first to come wakes as many as can help, if that pays.
  let woken = unit !== 0 || !shared
  if (!woken && (known === 0 || total * known > ${worth.waking * costs.perNanosecond})) {
    wake(Math.ceil(total / chunk) - 1)
    woken = true
  }
  // Now and then for what is known; always for what did not seem to be worth waking others.
  const measured = known === 0 || (shared && !woken) || (done & 15) === 0
  const start = measured ? performance.now() : 0
  let mine = 0
  do {
    const end = Math.min(unit + chunk, total)
    run(record, unit, end, scratch)
    mine += end - unit
    if (!woken && (performance.now() - start) * 1e6 > ${worth.waking}) {
      woken = true
      wake(Math.ceil((total - end) / chunk))
    }
    unit = Atomics.add(words, here + ${command.next}, chunk) >>> 0
  } while (unit < total)
  if (measured) {
    const found = ((performance.now() - start) * ${1e6 * costs.perNanosecond}) / mine
    words[cost] = found > known ? Math.min(found, 0x7fffffff) : known - (known - found) / 32
  }
  finish(here, done, mine, total)
}

function pipeline(id) {
  const known = runs.get(id)
  if (known) return known
  const module = modules.get(id)
  if (!module) return undefined
  const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports
  runs.set(id, run)
  return run
}

function other(here, kind, unit, end) {
  const args = here + ${command.args}
  if (kind === ${op.copy}) {
    const start = unit * ${copyUnit}
    const bytes = Math.min(end * ${copyUnit}, words[args + 2] >>> 0) - start
    bulk.copy((words[args] >>> 0) + start, (words[args + 1] >>> 0) + start, bytes)
  } else if (kind === ${op.clear}) {
    const start = unit * ${copyUnit}
    bulk.fill((words[args] >>> 0) + start, 0, Math.min(end * ${copyUnit}, words[args + 1] >>> 0) - start)
  } else if (kind === ${op.signal}) port.postMessage({ signal: words[args] })
  else if (kind === ${op.indirect}) indirect(words[args] >>> 2, words[args + 1], here + words[args + 2], words[args + 3])
  else if (kind === ${op.timestamp}) {
    const time = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6))
    new BigUint64Array(memory.buffer, words[args] >>> 0, 1)[0] = time
  }
}

// Gives a dispatch its counts; too many in a dimension, or none: it does nothing.
function indirect(counts, most, dispatch, threads) {
  const [x, y, z] = [words[counts] >>> 0, words[counts + 1] >>> 0, words[counts + 2] >>> 0]
  const total = x * y * z
  if (total === 0 || total > 0x3fffffff || Math.max(x, y, z) > most) {
    words[dispatch] = ${op.nothing}
    return
  }
  words.set([x, y, z], dispatch + ${command.args + 1})
  words[dispatch + ${command.total}] = total
  words[dispatch + ${command.chunk}] = Math.max(1, Math.floor(total / (8 * threads)))
}

if (inNode) port.on('message', receive)
else port.onmessage = (event) => receive(event.data)
`
