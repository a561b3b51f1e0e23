/** Figures of ours alone: host time of a step, and memory. */
import { surroundings } from './environment.js'
import { networks } from './network.js'
import type { Process } from './process.js'
import { type Check, digits } from './report.js'
import { summarise } from './statistics.js'

export async function checkAll(ours: Process): Promise<Check[]> {
  const checks: Check[] = []
  const add = (check: Omit<Check, keyof ReturnType<typeof surroundings>>) => {
    checks.push({ ...surroundings(), ...check })
    console.log(
      `  ${check.title}: ${digits(check.value)} ${check.unit}${check.limit === undefined ? '' : ` (limit ${check.limit})`}, ${check.detail}`,
    )
  }
  console.log('\nchecks')
  await ours.prepare('training cifar4')
  for (let i = 0; i < 3; i++) await ours.once('training cifar4')
  const host: number[] = []
  for (let i = 0; i < 10; i++) host.push((await ours.once('training cifar4')).hostMs)
  await ours.dispose('training cifar4')
  const { median, low, high } = summarise(host)
  add({
    title: 'host time of a training step',
    value: median,
    unit: 'ms',
    limit: 2,
    detail: `quartiles ${digits(low)} .. ${digits(high)} of ${host.length}`,
  })
  for (const what of ['forward', 'training'].flatMap((pass) => Object.keys(networks).map((id) => `${pass} ${id}`))) {
    await ours.prepare(`memory, ${what}`)
    const { ratio, peakBytes, planBytes, arenaBytes, lowerBoundBytes, leftBytes } = await ours.once(`memory, ${what}`)
    await ours.dispose(`memory, ${what}`)
    const mib = (bytes: number) => `${digits(bytes / 2 ** 20)} MiB`
    const detail = `peak ${mib(peakBytes)}, plan ${mib(planBytes)} (live activations alone ${mib(lowerBoundBytes)}), left after destroy ${mib(leftBytes)}`
    add({ title: `peak memory over the plan's, ${what}`, value: ratio, unit: '', limit: 1.1, detail })
    add({
      title: `planned activations over the greatest live set, ${what}`,
      value: arenaBytes / lowerBoundBytes,
      unit: '',
      limit: 1.2,
      detail: '',
    })
  }
  return checks
}
