/** Placeholder bodies while an operation's shader is being written; nothing may still use it when the package is finished. */
export function pending(op: string): { dispatches: () => never; reference: () => never } {
  const fail = () => {
    throw new Error(`${op}: not written yet`)
  }
  return { dispatches: fail, reference: fail }
}
