// Weights as winograd.wgsl wants them: G w G' of every channel and output, [candidate, group, block of 4 outputs, 16, channel, output]. With lists, channels and
// outputs are those of the candidate. A lane is an output.
fn column(at: u32) -> vec3f { return vec3f(weights[at], weights[at + params.weightY], weights[at + 2 * params.weightY]); }
fn spread(g: vec3f) -> vec4f {
  let outer = (g.x + g.z) * 0.5;
  let middle = g.y * 0.5;
  return vec4f(g.x, outer + middle, outer - middle, g.z);
}

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
  let next = channels * 4;
  for (var i = 0u; i < channels; i++) {
    let at = source + channelRead(list, i) * p.weightIn;
    let a = spread(column(at));
    let b = spread(column(at + p.weightX));
    let c = spread(column(at + 2 * p.weightX));
    for (var row = 0u; row < 4; row++) {
      let u = spread(vec3f(a[row], b[row], c[row]));
      let first = to + row * 4 * next + i * 4;
      y[first] = u.x;
      y[first + next] = u.y;
      y[first + 2 * next] = u.z;
      y[first + 3 * next] = u.w;
    }
  }
}
