/** Options of commands: one declaration serves the argument parser, the configuration file and the types. */
import { InputError } from '@espalier/nn'
import { z } from 'zod'

export interface OptionSpec<T extends z.ZodType = z.ZodType> {
  /** As commander has them: `--epochs <n>`. */
  readonly flags: string
  readonly description: string
  readonly schema: T
  /** May be given several times. */
  readonly repeat?: boolean
  /** Also takes `--no-NAME`. */
  readonly negatable?: boolean
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>
export type Values<O extends OptionSpecs> = { [K in keyof O]: z.output<O[K]['schema']> }

export const option = <T extends z.ZodType>(
  flags: string,
  description: string,
  schema: T,
  more: { repeat?: boolean; negatable?: boolean } = {},
): OptionSpec<T> => ({
  flags,
  description,
  schema,
  ...more,
})

// From the command line everything is text, from a configuration file it has its type.
const numeric = (value: unknown) =>
  typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)) ? Number(value) : value

export const whole = (least: number) =>
  z.preprocess(numeric, z.int(`expected a whole number from ${least}`).min(least, `expected a whole number from ${least}`))
export const number = (least: number, most = Number.POSITIVE_INFINITY) => {
  const expected = most === Number.POSITIVE_INFINITY ? `expected a number from ${least}` : `expected a number from ${least} to ${most}`
  return z.preprocess(numeric, z.number(expected).min(least, expected).max(most, expected))
}
export const above = (bound: number) =>
  z.preprocess(numeric, z.number(`expected a number above ${bound}`).gt(bound, `expected a number above ${bound}`))
export const text = z.string('expected text').min(1, 'expected some text')
export const flag = z.boolean('expected true or false')
export const oneOf = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values, `expected one of ${values.join(', ')}`)
const listed = (value: unknown) =>
  typeof value === 'string' ? value.split(',').map((part) => numeric(part.trim())) : typeof value === 'number' ? [value] : value
export const numbers = z.preprocess(
  listed,
  z.array(z.number('expected numbers separated by commas')).min(1, 'expected numbers separated by commas'),
)
const shareText = 'expected shares above 0 and below 1: 0.1..0.9 (in steps of 0.1) or 0.25,0.5'
/** `0.1..0.9` or `0.25,0.5` */
export const shares = z.preprocess(
  (value) => {
    const range = typeof value === 'string' ? /^(\d*\.?\d+)\.\.(\d*\.?\d+)$/.exec(value.trim()) : null
    if (!range) return listed(value)
    const [from, to] = [Number(range[1]), Number(range[2])]
    return Array.from({ length: Math.max(0, Math.floor((to - from) * 10 + 1e-9) + 1) }, (_, i) => Number((from + i / 10).toFixed(6)))
  },
  z.array(z.number(shareText).gt(0, shareText).lt(1, shareText), shareText).min(1, shareText),
)
export const texts = z.preprocess(
  (value) => (typeof value === 'string' ? [value] : value),
  z.array(text, 'expected text or a list of texts'),
)

const sizes = 'expected CHANNELSxHEIGHTxWIDTH, such as 3x32x32'
const side = z.int(sizes).min(1, sizes)
/** `3x32x32` */
export const inputShape = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(/[x,]/i).map((part) => numeric(part.trim())) : value),
  z.tuple([side, side, side], sizes),
)

export const kebab = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const camel = (key: string) => key.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** Keys of a configuration file, under their option's name or its camel-cased form. @throws InputError for one that is no option */
export function readConfig(config: unknown, specs: OptionSpecs, file: string): Record<string, unknown> {
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new InputError('not a configuration', {
      file,
      expected: 'a JSON object with the names of options',
      found: Array.isArray(config) ? 'an array' : typeof config,
    })
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(config)) {
    const name = camel(key)
    if (!Object.hasOwn(specs, name) || name === 'config')
      throw new InputError('no such option', {
        file,
        field: key,
        expected: `one of ${Object.keys(specs)
          .filter((one) => one !== 'config')
          .map(kebab)
          .join(', ')}`,
      })
    if (name in values) throw new InputError('given twice', { file, field: key })
    values[name] = value
  }
  return values
}

/** Checks and converts. @param given values by option name; @param fileOf the file a value is from, if not the command line */
export function readValues<O extends OptionSpecs>(
  specs: O,
  given: Readonly<Record<string, unknown>>,
  fileOf: (name: string) => string | undefined,
): Values<O> {
  const values: Record<string, unknown> = {}
  for (const [name, { schema }] of Object.entries(specs)) {
    const result = schema.safeParse(given[name])
    if (!result.success) {
      const file = fileOf(name)
      const missing = given[name] === undefined
      const issue = result.error.issues[0]
      const message = missing ? 'is required' : issue.message.replace(/^Invalid input: /, '')
      throw new InputError(message, {
        file,
        field: file ? kebab(name) : `--${kebab(name)}`,
        ...(missing ? {} : { found: JSON.stringify(given[name]) }),
      })
    }
    values[name] = result.data
  }
  return values as Values<O>
}
