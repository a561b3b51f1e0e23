/**
 * Bad input from outside: files, folders, specifications, options. A caller can tell it from a fault of ours by its class
 * (the command line exits with 2 for it); the message alone already names file, field, what was expected and what was found.
 */
export class InputError extends Error {
  override readonly name = 'InputError'
  /** Path of the file or folder, where there is one. */
  readonly file?: string
  /** What in it is wrong: 'magic number', 'labels', 'limit'. */
  readonly field?: string
  readonly expected?: string
  readonly found?: string

  /**
   * @param what one sentence without the details; the message becomes `file: field: what: expected ..., found ...` of what is given
   */
  constructor(
    what: string,
    details: { file?: string; field?: string; expected?: string | number; found?: string | number; cause?: unknown } = {},
  ) {
    const { file, cause } = details
    const [field, expected, found] = [details.field, details.expected, details.found].map(readable)
    const comparison = [expected === undefined ? '' : `expected ${expected}`, found === undefined ? '' : `found ${found}`]
      .filter(Boolean)
      .join(', ')
    super([file, field, what, comparison].filter(Boolean).join(': '), cause === undefined ? undefined : { cause })
    this.file = file
    this.field = field
    this.expected = expected
    this.found = found
  }
}

/** A name or a list in a file may be of any length. */
function readable(value: string | number | undefined): string | undefined {
  const text = value === undefined ? undefined : String(value)
  return text !== undefined && text.length > 2000 ? `${text.slice(0, 1990)} ...` : text
}

/** The caller's AbortSignal ended the work; everything that was promised to be saved was saved before this was thrown. */
export class AbortedError extends Error {
  override readonly name = 'AbortedError'
}
