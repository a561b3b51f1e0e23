/** Indices of the kind that kernels use: neighbours in a row, a column, apart by a stride, backwards, by a counter. */
import { type Context, visible } from './context.js'
import { u32 } from './types.js'

/** An index below 4 * total + 64, of either integer type, in `main`. */
export function affine(c: Context, size: readonly number[], total: number): string {
  const r = c.random
  const offset = () => (r.chance(0.5) ? '' : ` + ${r.below(48)}u`)
  const counter = r.pick([
    '0u',
    ...visible(c)
      .filter(({ name, type }) => type === u32 && /^[jn]\d+$/.test(name))
      .map(({ name }) => name),
  ])
  const stride = 1 + r.below(4)
  const invocations = size[0] * size[1] * size[2]
  return r.pick([
    `gi${offset()}`,
    `gi${offset()}`,
    `gi * ${stride}u${offset()}`,
    `${stride}u * gi${offset()}`,
    `(gi << ${r.below(3)}u)${offset()}`,
    `${stride * total}u - gi * ${stride}u`,
    `li${offset()}`,
    `wid.x * ${invocations}u + li`,
    `gi + ${counter}`,
    `gi + ${counter} * 5u`,
    `gi * 3u + (${counter} & 7u)`,
    `${counter} * 4u + (li & 3u)`,
    `(gi & 3u) * ${1 + r.below(8)}u + (gi >> 2u)`,
    `gi / ${1 + r.below(5)}u`,
    `gi % ${1 + r.below(7)}u${offset()}`,
    `li / 4u * 3u + li % 4u`,
    `wid.y${offset()}`,
    `i32(gi)${r.chance(0.5) ? '' : ` + ${r.below(48)}`}`,
    `i32(gi) * ${stride} + ${r.below(8)}`,
    `min(gi + ${r.below(8)}u, ${total - 1}u)`,
    `select(gi, li, gi > ${r.below(total + 1)}u)`,
    `u32(i32(gi) - i32(li)) + li`,
    `(gi ^ ${r.below(8)}u)`,
    `gi - li + (li + ${1 + r.below(5)}u) % ${invocations}u`,
    `arrayLength(&big) - 1u - gi`,
  ])
}
