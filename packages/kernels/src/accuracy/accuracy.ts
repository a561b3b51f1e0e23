import { expectShape, inputShape, integerAttribute } from '../checks.js'
import type { Attributes, Operation } from '../operation.js'
import { countHits } from './accuracy.reference.js'
import code from './count-correct.wgsl'

const shader = { name: 'CountCorrect', code, access: ['read', 'read', 'read_write', 'read'] } as const

const kOf = (attributes: Attributes) => integerAttribute('CountCorrect', attributes, 'k', 1, 1)

/**
 * CountCorrect(logits [P*B, K], labels u32 [B], accumulator u32 [P], valid u32 [1]?) {k = 1} -> nothing; adds the top-k hits of each candidate to
 * its counter. The lowest index wins ties; a row with NaN has no hit.
 */
export const countCorrect: Operation = {
  op: 'CountCorrect',
  updates: [2],
  infer(attributes, inputs) {
    kOf(attributes)
    const logits = inputShape(this.op, inputs, 0, 'logits', 2)
    const [batch] = inputShape(this.op, inputs, 1, 'labels', 1)
    const [candidates] = inputShape(this.op, inputs, 2, 'accumulator', 1)
    expectShape(this.op, 'logits', logits, [candidates * batch, logits[1]])
    if (inputs[3]) expectShape(this.op, 'valid', inputs[3], [1])
    return []
  },
  dispatches(attributes, [logits, labels, accumulator, valid]) {
    const candidates = accumulator!.shape[0]
    return [
      {
        shader,
        operands: [logits, labels, accumulator, valid],
        params: { u32: [candidates, labels!.shape[0], logits!.shape[1], valid ? 1 : 0, kOf(attributes)] },
        workgroups: [Math.ceil(candidates / 32), 1, 1],
      },
    ]
  },
  reference: (attributes, [logits, labels, accumulator, valid]) => [countHits(kOf(attributes), logits!, labels!, accumulator!, valid)],
}
