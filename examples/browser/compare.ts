/**
 * ONNX models side by side on the device that shows this page: what they cost, and how long a run takes from the host and back, in turn.
 * The first model is what the others are compared with.
 */
import { acquireGpu, elements } from '@espalier/kernels'
import { costOf, createRandom, importOnnx, type Model, memoryOf, openModel, type Value } from '@espalier/nn'

/** Rounds before anything is timed; the first of them compiles. */
const warmup = 3
/** A measurement ends after so many rounds or ms, whichever comes first. */
const most = { rounds: 200, time: 4000 }

interface Contestant {
  readonly name: string
  readonly bytes: number
  readonly model: Model
  readonly inputs: Readonly<Record<string, Value>>
  /** ms of each round. */
  readonly times: number[]
}

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T
const count = (value: number) => value.toLocaleString('en-US')
const quantile = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))]

const gpu = await acquireGpu().catch((error: Error) => fail(error))
if (gpu) element('adapter').textContent = gpu.info.description

function fail(error: Error): undefined {
  element('status').textContent = error.message
  element('status').className = 'bad'
}

/** Any numbers do: no kernel's time depends on them. */
function inputsOf({ graph }: Model): Record<string, Value> {
  const random = createRandom(0, 'inputs')
  const given = graph.inputs.filter(({ name }) => !graph.initializers.has(name))
  return Object.fromEntries(
    given.map(({ name, shape }) => {
      const dims = shape.map((size) => (typeof size === 'string' ? 1 : size))
      return [name, { dims, data: Float32Array.from({ length: elements(dims) }, () => random.uniform(-1, 1)) }]
    }),
  )
}

async function open(file: File): Promise<Contestant> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  try {
    const model = await openModel(await importOnnx(bytes), { gpu: gpu! })
    return { name: file.name, bytes: bytes.length, model, inputs: inputsOf(model), times: [] }
  } catch (error) {
    throw new Error(`${file.name}: ${(error as Error).message}`, { cause: error })
  }
}

/** One run each, the order turned in every round, so that what disturbs the device disturbs all. */
async function measure(contestants: readonly Contestant[], onRound: (round: number) => void): Promise<void> {
  const start = performance.now()
  for (let round = 0; round < warmup + most.rounds; round++) {
    for (const { model, inputs, times } of round % 2 ? [...contestants].reverse() : contestants) {
      const before = performance.now()
      await model.run(inputs)
      if (round >= warmup) times.push(performance.now() - before)
    }
    onRound(round)
    if (round >= warmup && performance.now() - start > most.time) break
  }
}

function rowOf({ name, bytes, model: { graph }, times }: Contestant, first: Contestant): string[] {
  const { params, macs } = costOf(graph)
  const ratios = times.map((time, i) => first.times[i] / time)
  const latency = `${quantile(times, 0.5).toFixed(2)} (${quantile(times, 0.95).toFixed(2)})`
  return [name, count(params), count(macs), count(bytes), count(memoryOf(graph)), latency, `${quantile(ratios, 0.5).toFixed(2)}x`]
}

function show(rows: readonly (readonly string[])[]): void {
  const body = element('rows')
  body.replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement('tr')
      row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })))
      return row
    }),
  )
  element('table').hidden = rows.length === 0
}

let busy = false
async function compare(files: readonly File[]): Promise<void> {
  if (!gpu || busy || files.length === 0) return
  busy = true
  const status = element('status')
  status.className = ''
  const contestants: Contestant[] = []
  show([])
  try {
    for (const file of files) {
      status.textContent = `reading ${file.name}`
      contestants.push(await open(file))
    }
    await measure(contestants, (round) => (status.textContent = round < warmup ? 'compiling' : `round ${round - warmup + 1}`))
    show(contestants.map((each) => rowOf(each, contestants[0])))
    status.textContent = `${contestants[0].times.length} rounds, one run of each in turn, batch 1, from the host and back`
  } catch (error) {
    fail(error as Error)
  } finally {
    for (const { model } of contestants) model.close()
    busy = false
  }
}

const chosen = element<HTMLInputElement>('files')
chosen.addEventListener('change', () => void compare([...(chosen.files ?? [])]))
document.addEventListener('dragover', (event) => event.preventDefault())
document.addEventListener('drop', (event) => {
  event.preventDefault()
  void compare([...(event.dataTransfer?.files ?? [])])
})
document.body.dataset.ready = 'yes'
