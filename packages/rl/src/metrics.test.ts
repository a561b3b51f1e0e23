import { describe, expect, test } from 'vitest'
import type { Iteration } from './learn.js'
import { csvWriter, evaluationMetrics, iterationMetrics, jsonLinesWriter, type MetricEvent } from './metrics.js'
import { summarise } from './student.js'
import { crc32c, tensorBoardWriter } from './tensorboard.js'

const iteration: Iteration = {
  iteration: 1,
  steps: 300,
  episodes: 20,
  return: -1.5,
  costs: [0.25, null],
  length: 10,
  multipliers: [1, 2],
  policyLoss: 0.5,
  valueLoss: 2,
  costValueLosses: [3, 4],
  kl: null,
  entropy: 1,
  clipFraction: 0,
  epochs: 3,
  explainedVariance: null,
  costExplainedVariance: [0.5, 0.25],
  learningRate: 3e-4,
}
const first = iterationMetrics(iteration, 1000.5)
const second = iterationMetrics({ ...iteration, steps: 600, return: null }, 1001)

test('JSON lines give the events back', () => {
  const write = jsonLinesWriter()
  const lines = (write(first) + write(second)).split('\n')
  expect(lines.length).toBe(3)
  expect(lines.slice(0, 2).map((line) => JSON.parse(line))).toEqual([first, second])
})

test('a trust region adds how its step went', () => {
  const trustRegion = { kind: 'bound', share: 0.8, excess: [0.1, -1], predictedCostChange: [-0.1, 0], surrogateCostChange: [-0.09, 0.01] }
  const { scalars } = iterationMetrics({ ...iteration, trustRegion }, 1000.5)
  expect(Object.entries(scalars).slice(Object.keys(first.scalars).length)).toEqual([
    ['stepShare', 0.8],
    ['excess/0', 0.1],
    ['excess/1', -1],
    ['predictedCostChange/0', -0.1],
    ['predictedCostChange/1', 0],
    ['surrogateCostChange/0', -0.09],
    ['surrogateCostChange/1', 0.01],
  ])
})

test('CSV: one header, fixed columns, empty fields, one type of event a file', () => {
  const write = csvWriter()
  const evaluation = evaluationMetrics({ return: summarise([1, 2]), costs: [], length: summarise([3, 3]) }, 600, 1002)
  const lines = [first, evaluation, second].map(write).join('').split('\n')
  expect(lines[0]).toMatch(/^step,wallTime,iteration,episodes,return,cost\/0,cost\/1,length,multiplier\/0,multiplier\/1,policyLoss,/)
  expect(lines[1]).toBe('300,1000.5,1,20,-1.5,0.25,,10,1,2,0.5,2,3,4,,1,0,3,,0.5,0.25,0.0003')
  expect(lines[2]).toBe('600,1001,1,20,,0.25,,10,1,2,0.5,2,3,4,,1,0,3,,0.5,0.25,0.0003')
  expect(lines.length).toBe(4)
  expect(csvWriter('iteration', { append: true })(second)).toBe(`${lines[2]}\n`)
  expect(csvWriter('evaluation')(evaluation)).toMatch(/^step,wallTime,return\/mean,return\/std,/)
  const odd = { ...first, scalars: { 'a,"b"': 1 } }
  expect(csvWriter()(odd)).toBe('step,wallTime,"a,""b"""\n300,1000.5,1\n')
  expect(() => write(odd)).toThrow(/csv: expected the columns iteration, .* found a,"b"/)
})

describe('TensorBoard', () => {
  test('crc32c of the check string and of RFC 3720 B.4', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
  })

  /** A reader written from the formats' descriptions: records with their checksums, then the protobuf's fields. */
  const read = (file: Uint8Array) => {
    const view = new DataView(file.buffer)
    const masked = (data: Uint8Array) => {
      const crc = crc32c(data)
      return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
    }
    const records: Uint8Array[] = []
    for (let at = 0; at < file.length; ) {
      const length = Number(view.getBigUint64(at, true))
      expect(view.getUint32(at + 8, true)).toBe(masked(file.subarray(at, at + 8)))
      records.push(file.slice(at + 12, at + 12 + length))
      expect(view.getUint32(at + 12 + length, true)).toBe(masked(records.at(-1)!))
      at += 16 + length
    }
    return records
  }
  const fields = (data: Uint8Array): [number, number | Uint8Array][] => {
    const view = new DataView(data.buffer, data.byteOffset, data.length)
    const found: [number, number | Uint8Array][] = []
    let at = 0
    const varint = () => {
      let value = 0
      for (let scale = 1; ; scale *= 128) {
        const byte = data[at++]
        value += (byte & 127) * scale
        if (byte < 128) return value
      }
    }
    while (at < data.length) {
      const key = varint()
      const wire = key & 7
      if (wire === 0) found.push([key >> 3, varint()])
      else if (wire === 1) found.push([key >> 3, view.getFloat64((at += 8) - 8, true)])
      else if (wire === 5) found.push([key >> 3, view.getFloat32((at += 4) - 4, true)])
      else {
        const length = varint()
        found.push([key >> 3, data.subarray(at, (at += length))])
      }
    }
    return found
  }
  const string = (data: number | Uint8Array) => new TextDecoder().decode(data as Uint8Array)

  test('the version first, then the scalars that there are, with checksums', () => {
    const write = tensorBoardWriter()
    const event: MetricEvent = { ...second, step: 5_000_000_000 }
    const parts = [write(first), write(event)]
    const [version, one, two, ...none] = parts.flatMap(read)
    expect(none).toEqual([])
    const [time, name] = fields(version)
    expect(time).toEqual([1, 1000.5])
    expect([name[0], string(name[1])]).toEqual([3, 'brain.Event:2'])
    for (const [record, from] of [
      [one, first],
      [two, event],
    ] as const) {
      const [wall, step, summary] = fields(record)
      expect([wall, step]).toEqual([
        [1, from.wallTime],
        [2, from.step],
      ])
      expect(summary[0]).toBe(5)
      const values = fields(summary[1] as Uint8Array).map(([field, value]) => {
        expect(field).toBe(1)
        const [tag, simple] = fields(value as Uint8Array)
        expect([tag[0], simple[0]]).toEqual([1, 2])
        return [string(tag[1]), simple[1]]
      })
      const expected = Object.entries(from.scalars).filter(([, value]) => value !== null)
      expect(values).toEqual(expected.map(([tag, value]) => [`iteration/${tag}`, Math.fround(value!)]))
    }
    expect(tensorBoardWriter({ append: true })(first)).toEqual(parts[0].subarray(16 + version.length))
  })
})
