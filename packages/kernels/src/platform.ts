/** What differs between Node and the browser: where an adapter comes from. */

/** `hardware`, `software`, or part of an adapter's name; undefined takes the best there is. */
export type AdapterPreference = 'hardware' | 'software' | (string & {}) | undefined

export interface Platform {
  readonly adapter: GPUAdapter | null
  readonly source: 'browser' | 'system' | 'bundled SwiftShader'
  /** What the adapter was asked of: `navigator.gpu` in a browser, an instance of Dawn in Node. */
  readonly instance: GPU | null
  /** One line per attempt that failed, for people who wonder. */
  readonly tried: readonly string[]
}
