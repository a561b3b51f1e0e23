import { expectShape, inputShape } from '../checks.js'
import type { Operation } from '../operation.js'
import { pending } from '../pending.js'

/** CountCorrect(logits [P*B, K], labels u32 [B], accumulator u32 [P], valid u32 [1]?) -> nothing; updates accumulator */
export const countCorrect: Operation = {
  op: 'CountCorrect',
  updates: [2],
  infer(_, inputs) {
    const logits = inputShape(this.op, inputs, 0, 'logits', 2)
    const [batch] = inputShape(this.op, inputs, 1, 'labels', 1)
    const [candidates] = inputShape(this.op, inputs, 2, 'accumulator', 1)
    expectShape(this.op, 'logits', logits, [candidates * batch, logits[1]])
    if (inputs[3]) expectShape(this.op, 'valid', inputs[3], [1])
    return []
  },
  ...pending('CountCorrect'),
}
