/** On the real files of `ESPALIER_SHARED` (default: `../shared` beside the repository), where that folder exists. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { classCounts } from './dataset.js'
import { computeNormalization } from './normalize.js'
import { openData } from './open.js'
import { stratifiedSplit } from './split.js'

const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const shared = process.env.ESPALIER_SHARED ?? join(repository, '../shared')

if (!existsSync(shared)) test.skip(`no real data: ${shared} does not exist`, () => {})
else {
  test('Fashion-MNIST: counts, balance, mean and deviation as published', async () => {
    const data = await openData(`idx:${shared}/data/fashion-mnist`)
    const train = await data.train()
    expect(train).toMatchObject({ classes: 10, shape: [1, 28, 28], count: 60_000 })
    expect(classCounts(train)).toEqual(new Array(10).fill(6000))
    const { mean, std } = computeNormalization(train)
    expect(mean[0]).toBeCloseTo(0.286, 3)
    expect(std[0]).toBeCloseTo(0.353, 3)
    const test10k = await data.test()
    expect(classCounts(test10k)).toEqual(new Array(10).fill(1000))
    expect([...test10k.labels.subarray(0, 5)]).toEqual([9, 2, 1, 1, 6])
    expect(classCounts(stratifiedSplit(train, 5000, 0).part)).toEqual(new Array(10).fill(500))
  })
}
