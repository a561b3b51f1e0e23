/** A budget with the nearest value that was reached, for people who must choose another one. */
export interface NearestValue {
  readonly budget: string
  readonly limit: number
  readonly nearest: number
}

/** No network within the budgets exists, or none was found. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  readonly nearest: readonly NearestValue[]
  constructor(what: string, nearest: readonly NearestValue[]) {
    const lines = nearest.map(
      ({ budget, limit, nearest: value }) => `  ${budget}: limit ${figure(limit)}, nearest reachable value ${figure(value)}`,
    )
    super([what, ...lines].join('\n'))
    this.nearest = nearest
  }
}

const figure = (value: number) => (Number.isInteger(value) ? value.toLocaleString('en-US') : String(Number(value.toPrecision(6))))
