// Weights in the order in which rows.wgsl meets them: [candidate, group, block of 4 outputs, column of taps, row of taps, channel, output]. With
// lists, channels and outputs are those of the candidate. A lane is an output.
@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let list = listOf(wg.z);
  let channels = channelsRead(list);
  let outputs = p.m / p.group;
  let blocks = (outputs + 3) / 4;
  let m = channelMade(list, min(wg.x * 4 + lane, outputs - 1));
  let source = p.weightBase + wg.y * p.weightGroup + m * p.weightOut;
  var to = ((wg.z * p.group + wg.y) * blocks + wg.x) * p.packedBlock + lane;
  for (var tx = 0u; tx < p.tapsX; tx++) {
    for (var ty = 0u; ty < p.tapsY; ty++) {
      for (var i = 0u; i < channels; i++) {
        y[to] = weights[source + channelRead(list, i) * p.weightIn + ty * p.weightY + tx * p.weightX];
        to += 4;
      }
    }
  }
}
