/** Reading of attributes with ONNX's defaults. */
import type { Node } from '../graph.js'

export function numbers(node: Node, name: string): readonly number[] | undefined {
  const value = node.attributes[name]
  return Array.isArray(value) && value.every((x) => typeof x === 'number') ? (value as number[]) : undefined
}

export function scalar(node: Node, name: string, fallback: number): number {
  const value = node.attributes[name]
  return typeof value === 'number' ? value : fallback
}

export function text(node: Node, name: string, fallback: string): string {
  const value = node.attributes[name]
  return typeof value === 'string' ? value : fallback
}

/** `axis` counted from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}
