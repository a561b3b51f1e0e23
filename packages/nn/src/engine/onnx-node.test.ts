/**
 * Every single-operation case of the ONNX project, imported and run by our kernels: it gives the known outputs, or is refused with a
 * reason. What becomes of each is `docs/operators.md`, which `npm run operators` writes.
 */
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import {
  caseInputs,
  caseNames,
  caseOutputs,
  disagreement,
  importAsWritten,
  importWithConstants,
  operatorsOf,
  shared,
} from '../onnx/testing/cases.js'
import { openModel } from './model.js'

type Outcome = { readonly passes: 'as written' | 'with constants' } | { readonly refused: string } | { readonly wrong: string }

const names = caseNames()
if (names.length === 0) test.skip(`no cases of others: ${shared} does not exist`, () => {})
else {
  let gpu: Gpu
  beforeAll(async () => {
    gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  })
  afterAll(() => gpu.close())

  const outcomes = new Map<string, Promise<Outcome>>()
  const outcomeOf = (name: string) => {
    if (!outcomes.has(name)) outcomes.set(name, judge(gpu, name))
    return outcomes.get(name)!
  }

  describe("the ONNX project's cases on our kernels: the known outputs, or refused with a reason", () => {
    test.each(names)('%s', async (name) => expect(await outcomeOf(name)).not.toHaveProperty('wrong'))
  })

  test('docs/operators.md says so (npm run operators writes it)', async () => {
    const rows = await Promise.all(
      names.map(async (name) => ({ name, operator: operatorsOf(name).join(', '), outcome: await outcomeOf(name) })),
    )
    await expect(table(rows)).toMatchFileSnapshot('../../../../docs/operators.md')
  })
}

async function judge(gpu: Gpu, name: string): Promise<Outcome> {
  let refused = ''
  for (const [passes, read] of [
    ['as written', importAsWritten],
    ['with constants', importWithConstants],
  ] as const) {
    try {
      const wrong = await run(gpu, name, await read(name))
      return wrong ? { wrong } : { passes }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      // Bad input is an InputError; shape rules of the kernels throw an Error that begins with the operation.
      if (!(error instanceof InputError) && !operatorsOf(name).some((operator) => error.message.startsWith(`${operator}: `))) throw error
      refused = error.message.replace(`${name}: `, '')
    }
  }
  return { refused }
}

async function run(gpu: Gpu, name: string, graph: Graph): Promise<string | undefined> {
  const model = await openModel(graph, { gpu })
  try {
    const inputs = await caseInputs(name, graph)
    const feeds = Object.fromEntries(
      graph.inputs.map((input, i) => [input.name, { dims: inputs[i].dims, data: inputs[i].data as Float32Array }]),
    )
    const results = await model.run(feeds)
    for (const [i, expected] of (await caseOutputs(name, graph)).entries()) {
      const { dims, data } = results[graph.outputs[i].name]
      // A scalar is [1] in a Graph.
      const wrong = disagreement({ dims: expected.dims.length === 0 && dims.join() === '1' ? [] : dims, data }, expected)
      if (wrong) return `output ${i}: ${wrong}`
    }
    return undefined
  } finally {
    model.close()
  }
}

function table(rows: readonly { name: string; operator: string; outcome: Outcome }[]): string {
  const passed = (some: typeof rows) => some.filter(({ outcome }) => 'passes' in outcome).length
  const cell = (text: string) => text.replace(/\s+/g, ' ').replace(/[|<>*_]/g, '\\$&')
  const say = (outcome: Outcome) =>
    'passes' in outcome
      ? `passes${outcome.passes === 'as written' ? '' : ' (inputs after the first as constants)'}`
      : 'refused' in outcome
        ? `refused: ${cell(outcome.refused)}`
        : `**wrong**: ${cell(outcome.wrong)}`
  const operators = [...new Set(rows.map(({ operator }) => operator))].sort((a, b) => (a < b ? -1 : 1))
  const groups = operators.map((operator) => rows.filter((row) => row.operator === operator))
  return `# Operators

What becomes of the ${rows.length} single-operation cases of the ONNX project (v1.17, and its PyTorch exports): imported, run by our kernels and compared
with the known outputs (relative 1e-3, absolute 1e-5), or refused with this reason. **${passed(rows)} pass, ${rows.length - passed(rows)} are refused.**
Written by \`npm run operators\`; a test fails where it is not true.

| operator | case | passes |
| --- | --- | --- |
${groups
  .flatMap((group) => [
    `| **${group[0].operator}** | | **${passed(group)} of ${group.length}** |`,
    ...group.map(({ name, outcome }) => `| | ${cell(name)} | ${say(outcome)} |`),
  ])
  .join('\n')}
`
}
