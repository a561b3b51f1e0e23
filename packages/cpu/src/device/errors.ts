/** WebGPU's errors, scopes that catch them, and how objects are named in messages. */

/** Gives a class the name that WebGPU calls it by, which minifiers would not keep. */
export function interfaceName(of: { readonly prototype: object }, name: string): void {
  Object.defineProperty(of, 'name', { value: name, configurable: true })
  Object.defineProperty(of.prototype, Symbol.toStringTag, { value: name, configurable: true })
}

export class DeviceError {
  constructor(readonly message: string) {}
}
export class ValidationError extends DeviceError {
  declare readonly __brand: 'GPUError' & 'GPUValidationError'
}
export class OutOfMemoryError extends DeviceError {
  declare readonly __brand: 'GPUError' & 'GPUOutOfMemoryError'
}
export class InternalError extends DeviceError {
  declare readonly __brand: 'GPUError' & 'GPUInternalError'
}
export class PipelineError extends DOMException {
  declare readonly __brand: 'GPUPipelineError'
  readonly reason: GPUPipelineErrorReason
  constructor(message: string, options: GPUPipelineErrorInit) {
    super(message, 'GPUPipelineError')
    this.reason = options.reason
  }
}
export class DeviceLostInfo {
  declare readonly __brand: 'GPUDeviceLostInfo'
  constructor(
    readonly reason: GPUDeviceLostReason,
    readonly message: string,
  ) {}
}
export class UncapturedErrorEvent extends Event {
  declare readonly __brand: 'GPUUncapturedErrorEvent'
  readonly error: GPUError
  constructor(type: string, options: { error: GPUError }) {
    super(type, { cancelable: true })
    this.error = options.error
  }
}
interfaceName(DeviceError, 'GPUError')
interfaceName(ValidationError, 'GPUValidationError')
interfaceName(OutOfMemoryError, 'GPUOutOfMemoryError')
interfaceName(InternalError, 'GPUInternalError')
interfaceName(PipelineError, 'GPUPipelineError')
interfaceName(DeviceLostInfo, 'GPUDeviceLostInfo')
interfaceName(UncapturedErrorEvent, 'GPUUncapturedErrorEvent')

/** Thrown and caught inside: what is wrong with the arguments of a call, or why it can not be done. */
export class Invalid extends Error {
  constructor(
    message: string,
    readonly kind: GPUErrorFilter = 'validation',
  ) {
    super(message)
  }
}

export function require(condition: unknown, message: () => string): asserts condition {
  if (!condition) throw new Invalid(message())
}

const kinds = { validation: ValidationError, 'out-of-memory': OutOfMemoryError, internal: InternalError } as const

export interface ErrorScopes {
  report(kind: GPUErrorFilter, message: string): void
  push(filter: GPUErrorFilter): void
  pop(): Promise<GPUError | null>
}

/** @param uncaptured gets, later, what no scope caught */
export function createErrorScopes(uncaptured: (error: GPUError) => void): ErrorScopes {
  const scopes: { readonly filter: GPUErrorFilter; error: GPUError | null }[] = []
  return {
    report(kind, message) {
      const error = new kinds[kind](message) as GPUError
      const scope = scopes.findLast(({ filter }) => filter === kind)
      if (scope) scope.error ??= error
      else queueMicrotask(() => uncaptured(error))
    },
    push(filter) {
      if (!Object.hasOwn(kinds, filter))
        throw new TypeError(`pushErrorScope: filter: expected one of ${Object.keys(kinds).join(', ')}, found ${filter}`)
      scopes.push({ filter, error: null })
    },
    async pop() {
      const scope = scopes.pop()
      if (!scope) throw new DOMException('popErrorScope: no error scope was pushed', 'OperationError')
      return scope.error
    },
  }
}

/** How an object is called in messages: `buffer 'weights'`, `unlabelled buffer`. */
export const named = (kind: string, label: string): string => (label === '' ? `unlabelled ${kind}` : `${kind} '${label}'`)
