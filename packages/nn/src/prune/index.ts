export type { CompensationOptions, Residue } from './compensate.js'
export { type ChannelGroup, channelGroups, type GroupMember } from './groups.js'
export { compensatedGraph, type PruneOptions, pruneChannels, pruneChannelsWithReport } from './prune.js'
export type { Kept } from './selection.js'
