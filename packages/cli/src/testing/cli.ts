/** The command line in this process: no build, no child. */
import { main } from '../main.js'

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** The object printed with --json. */
  json(): Record<string, unknown>
}

export async function espalier(args: readonly string[], signal?: AbortSignal): Promise<Outcome> {
  let stdout = ''
  let stderr = ''
  const code = await main(args, {
    stdout: { write: (text: string) => void (stdout += text) },
    stderr: { write: (text: string) => void (stderr += text) },
    signal,
  })
  return { code, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> }
}
