// dw [m, channel, 3, 3] = G' P G, P being the sum over parts of [part, m, side, side, channel], first to last. A workgroup has one output; a lane is a channel.
// winograd-2x2-sum.wgsl and winograd-4x4-sum.wgsl have G.
struct Params { parts: u32, m: u32, channels: u32, padded: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;

var<workgroup> halfway: array<f32, 12 * side>; // [3, side, channel]

fn summed(first: u32) -> f32 {
  let p = params;
  var at = first;
  var sum = 0.0;
  for (var part = 0u; part < p.parts; part++) {
    sum += parts[at];
    at += p.m * side * side * p.padded;
  }
  return sum;
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let m = wg.x + wg.y * groups.x;
  if (m >= p.m) { return; }
  for (var c = 0u; c < p.channels; c += 4) {
    let first = m * side * side * p.padded + c + lane;
    for (var column = 0u; column < side; column++) {
      let v = columnGathered(first + column * p.padded, side * p.padded);
      let to = column * 4 + lane;
      halfway[to] = v.x;
      halfway[to + 4 * side] = v.y;
      halfway[to + 8 * side] = v.z;
    }
    let to = (m * p.channels + c + lane) * 9;
    for (var row = 0u; row < 3; row++) {
      let v = rowGathered(row * 4 * side + lane);
      if (c + lane < p.channels) {
        dw[to + row * 3] = v.x;
        dw[to + row * 3 + 1] = v.y;
        dw[to + row * 3 + 2] = v.z;
      }
    }
  }
}
