// Weights as winograd.wgsl wants them: G w G' of every channel and output, [candidate, group, block of 4 outputs, points, channel, output]. With lists,
// channels and outputs are those of the candidate. A lane is an output. winograd-2x2-weights.wgsl and winograd-4x4-weights.wgsl have the transforms.
@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let list = listOf(wg.z);
  let channels = channelsRead(list);
  let outputs = p.m / p.group;
  let blocks = (outputs + 3) / 4;
  let m = channelMade(list, min(wg.x * 4 + lane, outputs - 1));
  let source = p.weightBase + wg.y * p.weightGroup + m * p.weightOut;
  let to = ((wg.z * p.group + wg.y) * blocks + wg.x) * p.packedBlock + lane;
  for (var i = 0u; i < channels; i++) {
    transform(source + channelRead(list, i) * p.weightIn, to + i * 4, channels * 4, lane);
  }
}
