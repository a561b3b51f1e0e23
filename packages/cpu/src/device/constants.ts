/** WebGPU's flags. */
export const bufferUsage = {
  MAP_READ: 0x1,
  MAP_WRITE: 0x2,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  INDEX: 0x10,
  VERTEX: 0x20,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  INDIRECT: 0x100,
  QUERY_RESOLVE: 0x200,
} as const

export const mapMode = { READ: 1, WRITE: 2 } as const
export const shaderStage = { VERTEX: 1, FRAGMENT: 2, COMPUTE: 4 } as const
export const textureUsage = {
  COPY_SRC: 0x1,
  COPY_DST: 0x2,
  TEXTURE_BINDING: 0x4,
  STORAGE_BINDING: 0x8,
  RENDER_ATTACHMENT: 0x10,
  TRANSIENT_ATTACHMENT: 0x20,
} as const
export const colorWrite = { RED: 1, GREEN: 2, BLUE: 4, ALPHA: 8, ALL: 15 } as const

/** `COPY_DST | STORAGE`, or the number where there are no names. */
export function usageNames(usage: number): string {
  const names = Object.entries(bufferUsage).flatMap(([name, bit]) => (usage & bit ? [name] : []))
  return names.length > 0 ? names.join(' | ') : String(usage)
}
