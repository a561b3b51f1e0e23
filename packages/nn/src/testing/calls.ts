/** Calls of a device, and of all that it makes, before each of which something else can happen. */

/** Calls `before` with the method's name before every call of a method of the object and of the WebGPU objects that its methods give. */
export function watchCalls<T>(value: T, before: (method: string) => void): T {
  if (value instanceof Promise) return value.then((settled) => watchCalls(settled, before)) as T
  if (!Object.prototype.toString.call(value).startsWith('[object GPU') || Object.hasOwn(value as object, watched)) return value
  const object = value as Record<PropertyKey, unknown>
  object[watched] = true
  const methods = new Set<string>()
  for (let of = Object.getPrototypeOf(object); of !== EventTarget.prototype && of !== Object.prototype; of = Object.getPrototypeOf(of))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(of)))
      if (typeof value === 'function' && name !== 'constructor') methods.add(name)
  for (const name of methods) {
    const method = object[name] as (...given: unknown[]) => unknown
    const value = (...given: unknown[]) => {
      before(name)
      return watchCalls(method.apply(object, given), before)
    }
    Object.defineProperty(object, name, { value })
  }
  return value
}

const watched = Symbol('watched')
