import type { Command } from '../command.js'
import { demoCommand } from './demo.js'
import { doctorCommand } from './doctor.js'
import { evalCommand } from './eval.js'
import { initCommand } from './init.js'
import { inspectCommand } from './inspect.js'
import { pruneCommand } from './prune.js'
import { reportCommand } from './report.js'
import { sensitivityCommand } from './sensitivity.js'
import { finetuneCommand, trainCommand } from './train.js'

export const commands = [
  doctorCommand,
  inspectCommand,
  initCommand,
  trainCommand,
  evalCommand,
  sensitivityCommand,
  pruneCommand,
  finetuneCommand,
  demoCommand,
  reportCommand,
] as unknown as readonly Command[]
