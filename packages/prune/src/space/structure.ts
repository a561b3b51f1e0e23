export const structures = ['filters', 'weights'] as const
export type Structure = (typeof structures)[number]
