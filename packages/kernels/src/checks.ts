/** Reading attributes and input shapes, with errors that name the operation, what was expected and what was found. */
import type { Attributes, Shape } from './operation.js'

export function show(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** The shape of a required input; `rank` when only that number of dimensions is allowed. */
export function inputShape(op: string, inputs: readonly (Shape | undefined)[], index: number, name: string, rank?: number): Shape {
  const shape = inputs[index]
  if (!shape) throw new Error(`${op}: input ${index} (${name}) is missing`)
  if (rank !== undefined && shape.length !== rank) throw new Error(`${op}: ${name} must have ${rank} dimensions, found ${show(shape)}`)
  return shape
}

export function expectShape(op: string, name: string, found: Shape | undefined, expected: Shape): void {
  if (!found || found.length !== expected.length || found.some((dimension, i) => dimension !== expected[i])) {
    throw new Error(`${op}: ${name} must be ${show(expected)}, found ${found ? show(found) : 'nothing'}`)
  }
}

export function numberAttribute(op: string, attributes: Attributes, name: string, fallback?: number): number {
  const value = attributes[name] ?? fallback
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new Error(`${op}: attribute '${name}' must be a number, found ${String(value)}`)
  return value
}

export function integerAttribute(
  op: string,
  attributes: Attributes,
  name: string,
  fallback?: number,
  least = Number.NEGATIVE_INFINITY,
): number {
  const value = numberAttribute(op, attributes, name, fallback)
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`${op}: attribute '${name}' must be an integer${Number.isFinite(least) ? ` of at least ${least}` : ''}, found ${value}`)
  }
  return value
}

export function numbersAttribute(
  op: string,
  attributes: Attributes,
  name: string,
  fallback?: readonly number[],
  length?: number,
): readonly number[] {
  const value = attributes[name] ?? fallback
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'number')) {
    throw new Error(`${op}: attribute '${name}' must be a list of numbers, found ${String(value)}`)
  }
  if (length !== undefined && value.length !== length) {
    throw new Error(`${op}: attribute '${name}' must have ${length} values, found ${show(value as number[])}`)
  }
  return value as number[]
}

export function integersAttribute(
  op: string,
  attributes: Attributes,
  name: string,
  fallback?: readonly number[],
  length?: number,
): readonly number[] {
  const value = numbersAttribute(op, attributes, name, fallback, length)
  if (value.some((item) => !Number.isInteger(item))) throw new Error(`${op}: attribute '${name}' must hold integers, found ${show(value)}`)
  return value
}

/** A shape given as an attribute: positive integers. */
export function shapeAttribute(op: string, attributes: Attributes, name: string): Shape {
  const shape = integersAttribute(op, attributes, name)
  if (shape.some((dimension) => dimension < 1))
    throw new Error(`${op}: attribute '${name}' must hold positive dimensions, found ${show(shape)}`)
  return shape
}

export function choiceAttribute<T extends string>(
  op: string,
  attributes: Attributes,
  name: string,
  choices: readonly T[],
  fallback?: T,
): T {
  const value = attributes[name] ?? fallback
  const choice = choices.find((candidate) => candidate === value)
  if (choice === undefined) throw new Error(`${op}: attribute '${name}' must be one of ${choices.join(', ')}, found ${String(value)}`)
  return choice
}

/** An axis in [0, rank); negative ones count from the end. */
export function axisIn(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new Error(`${op}: axis ${axis} is outside of a tensor with ${rank} dimensions`)
  return axis < 0 ? axis + rank : axis
}

/** The shape two operands broadcast to (numpy's rule). */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const [p, q] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1]
    if (p !== q && p !== 1 && q !== 1) throw new Error(`${op}: ${show(a)} and ${show(b)} do not broadcast: dimension ${i} is ${p} and ${q}`)
    return p === 1 ? q : p
  })
}
