/** What a user waits for before the first step: processes begun anew, a few times. */
import type { Settings } from './contenders/contender.js'
import { surroundings } from './environment.js'
import { startProcess } from './process.js'
import { type Check, digits } from './report.js'
import { summarise } from './statistics.js'

const rounds = 5
const name = 'training resnet20'

export async function measureStart(settings: Settings): Promise<Check[]> {
  const here = surroundings()
  console.log('\nstart')
  const taken: Awaited<ReturnType<ReturnType<typeof startProcess>['once']>>[] = []
  for (let round = 0; round < rounds; round++) {
    const process = startProcess('start', settings, 300_000)
    try {
      await process.prepare(name)
      taken.push(await process.once(name))
    } finally {
      process.end()
    }
  }
  const of = (what: string) => summarise(taken.map((each) => each[what]))
  const check = (title: string, what: string, unit: string, about = ''): Check => {
    const { median, low, high } = of(what)
    return { ...here, title, value: median, unit, detail: `quartiles ${digits(low)} .. ${digits(high)} of ${rounds} processes${about}` }
  }
  const steps = Object.keys(taken[0]).filter((each) => each.startsWith('step '))
  const first = steps.map((step) => digits(of(step).median)).join(', ')
  const { median: steady } = of('steady')
  const slowest = Math.max(...steps.slice(1).map((step) => of(step).median))
  const checks = [
    check('the device, opened', 'openMs', 'ms'),
    check('a training step of ResNet-20, compiled', 'compileMs', 'ms'),
    check('its pipelines', 'pipelineMs', 'ms', `; ${of('pipelines').median} of them, from the first asked for to the last made`),
    check('its first run', 'step 1', 'ms'),
    {
      ...check('its runs in the long run', 'steady', 'ms', `; the first ${steps.length}: ${first} ms`),
    },
    {
      ...here,
      title: `the slowest of runs 2 to ${steps.length} over those in the long run`,
      value: slowest / steady,
      unit: '',
      detail: `${digits(slowest)} ms`,
    },
    check('a dispatch that does nothing, among 1,000', 'emptyUs', 'us'),
    check('a dispatch that does nothing, submitted and waited for', 'roundTripUs', 'us'),
  ]
  for (const { title, value, unit, detail } of checks) console.log(`  ${title}: ${digits(value)} ${unit}, ${detail}`)
  return checks
}
