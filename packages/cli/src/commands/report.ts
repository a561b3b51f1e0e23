import { writeReport } from '@espalier/prune'
import { commonOptions, defineCommand } from '../command.js'
import { required } from './shared.js'

export const reportCommand = defineCommand({
  name: 'report',
  summary: "write DIR/report.html again from a run's records",
  arguments: [{ name: '<DIR>', description: 'folder of a run' }],
  options: commonOptions,
  async run([dir]) {
    const path = await writeReport(required(dir, 'DIR'))
    return { json: { report: path }, text: path }
  },
})
