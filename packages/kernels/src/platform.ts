/** What differs between Node and the browser: where an adapter comes from. */

/** `hardware`, `software`, or part of an adapter's name; undefined takes the best there is. */
export type AdapterPreference = 'hardware' | 'software' | (string & {}) | undefined

export interface Platform {
  readonly adapter: GPUAdapter | null
  readonly source: 'browser' | 'system' | 'bundled SwiftShader'
  /** Dawn crashes when its instance is garbage-collected while a device lives: whoever holds the device holds this. */
  readonly keepAlive: unknown
  /** One line per attempt that failed, for the error message. */
  readonly tried: readonly string[]
}
