// Weights as winograd-4x4.wgsl wants them: G w G' of every channel and output, [candidate, group, block of 4 outputs, 36, channel, output]. With lists,
// channels and outputs are those of the candidate. A lane is an output.
const root = 1.4142135623730951;
var<workgroup> halfway: array<f32, 72>; // [6, 3, output]

struct Six { a: f32, b: f32, c: f32, d: f32, e: f32, f: f32 }

/** G g, g being three weights along a row or column. */
fn spread(g: vec3f) -> Six {
  let outer = g.x * (-2.0 / 3.0) + g.z * (-1.0 / 3.0);
  let middle = g.y * (root / 3.0);
  let far = g.x * (1.0 / 6.0) + g.z * (1.0 / 3.0);
  let side = g.y * (root / 6.0);
  return Six(g.x, outer - middle, outer + middle, far + side, far - side, g.z);
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
    for (var x = 0u; x < 3; x++) {
      let column = at + x * p.weightX;
      let six = spread(vec3f(weights[column], weights[column + p.weightY], weights[column + 2 * p.weightY]));
      let to3 = x * 4 + lane;
      halfway[to3] = six.a;
      halfway[to3 + 12] = six.b;
      halfway[to3 + 24] = six.c;
      halfway[to3 + 36] = six.d;
      halfway[to3 + 48] = six.e;
      halfway[to3 + 60] = six.f;
    }
    for (var row = 0u; row < 6; row++) {
      let from4 = row * 12 + lane;
      let six = spread(vec3f(halfway[from4], halfway[from4 + 4], halfway[from4 + 8]));
      let first = to + row * 6 * next + i * 4;
      y[first] = six.a;
      y[first + next] = six.b;
      y[first + 2 * next] = six.c;
      y[first + 3 * next] = six.d;
      y[first + 4 * next] = six.e;
      y[first + 5 * next] = six.f;
    }
  }
}
