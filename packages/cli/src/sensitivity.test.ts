import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildArchitecture, exportOnnx } from '@espalier/nn'
import type { Sensitivity } from '@espalier/prune'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { espalier } from './testing/cli.js'

let folder: string
let model: string
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sensitivity-'))
  model = at('tiny.onnx')
  await writeFile(model, exportOnnx(buildArchitecture('tiny', { input: [3, 24, 24], classes: 10, seed: 1 })))
})
afterAll(() => rm(folder, { recursive: true }))

const args = (...more: string[]) => [
  'sensitivity',
  model,
  '--data',
  'shapes,limit=100',
  '--validation',
  '40',
  '--candidates',
  '2',
  '--quiet',
  ...more,
]
const result = async (...more: string[]) => (await espalier(args('--json', ...more))).json() as unknown as Sensitivity

test('accuracy against ratio of each free group: an object, a table, a plot', async () => {
  const { groups, ratios, fixed, images, report, accuracy } = await result('--ratios', '0.5,0.25', '--keep', 'conv3')
  expect(ratios).toEqual([0.25, 0.5])
  expect(groups.map(({ id, points }) => [id, points.map(({ kept }) => kept)])).toEqual([
    ['conv1', [12, 8]],
    ['conv2', [24, 16]],
    ['conv5', [48, 32]],
  ])
  expect(fixed.find(({ id }) => id === 'conv3')!.reason).toBe('kept: --keep conv3')
  expect(images).toBe(40)
  for (const { points } of groups) for (const point of points) expect(point.accuracy).toBeLessThanOrEqual(1)
  expect(report).toBe(at('tiny.sensitivity/report.html'))
  const page = await readFile(report!, 'utf8')
  expect(page.match(/<figure>/g)).toHaveLength(3)
  expect(page).toContain('prefers-color-scheme: dark')
  expect(page).not.toMatch(/(src|href)=/)
  const { stdout, code } = await espalier(args('--ratios', '0.5..0.7', '--images', '20', '--run', at('table.run')))
  expect(code).toBe(0)
  expect(stdout).toMatch(/channel group +channels +-50% +-60% +-70% +within 1 point\nconv1 +16/)
  expect(accuracy).toBeGreaterThanOrEqual(0)
  expect((await espalier(['report', at('table.run'), '--json'])).json()).toEqual({ report: at('table.run/report.html') })
})

test('interrupted, it goes on where it was, and ends in the same records', async () => {
  const timeless = ({ seconds: _seconds, report: _report, ...rest }: Sensitivity) => rest
  const whole = await result('--run', at('whole.run'))
  const controller = new AbortController()
  const watching = setInterval(() => existsSync(at('cut.run/sensitivity.jsonl')) && controller.abort(), 2)
  const stopped = await espalier(args('--json', '--run', at('cut.run')), controller.signal)
  clearInterval(watching)
  expect(stopped.code).toBe(130)
  expect(stopped.stderr).toContain(`--resume --run ${at('cut.run')} goes on`)
  expect((await espalier(args('--run', at('cut.run')))).stderr).toContain('holds an unfinished run')
  await appendFile(at('cut.run/sensitivity.jsonl'), '{"group":"conv')
  const { code, json } = await espalier(['sensitivity', '--resume', '--run', at('cut.run'), '--json', '--quiet'])
  expect(code).toBe(0)
  expect(timeless(json() as unknown as Sensitivity)).toEqual(timeless(whole))
  expect(await readFile(at('cut.run/sensitivity.jsonl'), 'utf8')).toBe(await readFile(at('whole.run/sensitivity.jsonl'), 'utf8'))
})

test.each([
  [['--ratios', '0.5,1'], /--ratios: expected shares above 0 and below 1.*"0.5,1"/],
  [['--ratios', '0.9..0.1'], /--ratios: expected shares/],
  [['--criterion', 'size'], /--criterion: .*one of l1, .*taylor, entropy, found 'size'/],
  [['--keep', 'nowhere'], /--keep nowhere: there is no such layer/],
  [['--resume', '--run', tmpdir()], /--resume: there is no run to resume/],
])('%j is bad usage', async (more, message) => {
  const { code, stdout, stderr } = await espalier(args(...more))
  expect(stderr).toMatch(message)
  expect(code).toBe(2)
  expect(stdout).toBe('')
})
