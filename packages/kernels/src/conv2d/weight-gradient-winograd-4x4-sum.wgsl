// dw [m, channel, 3, 3] = G' P G, P being the sum over parts of [part, m, 36, channel], first to last. A workgroup has one output; a lane is a channel.
struct Params { parts: u32, m: u32, channels: u32, padded: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;

const root = 1.4142135623730951;
var<workgroup> halfway: array<f32, 72>; // [3, 6, channel]

fn summed(first: u32) -> f32 {
  let p = params;
  var at = first;
  var sum = 0.0;
  for (var part = 0u; part < p.parts; part++) {
    sum += parts[at];
    at += p.m * 36 * p.padded;
  }
  return sum;
}

/** Six values along a row or column, times G. */
fn gathered(a: f32, b: f32, c: f32, d: f32, e: f32, f: f32) -> vec3f {
  let near = b + c;
  let far = d + e;
  return vec3f(a - near * (2.0 / 3.0) + far * (1.0 / 6.0), (c - b) * (root / 3.0) + (d - e) * (root / 6.0), (far - near) * (1.0 / 3.0) + f);
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let m = wg.x + wg.y * groups.x;
  if (m >= p.m) { return; }
  for (var c = 0u; c < p.channels; c += 4) {
    let first = m * 36 * p.padded + c + lane;
    for (var column = 0u; column < 6; column++) {
      let at = first + column * p.padded;
      let next = 6 * p.padded;
      let v = gathered(summed(at), summed(at + next), summed(at + 2 * next), summed(at + 3 * next), summed(at + 4 * next), summed(at + 5 * next));
      let to = column * 4 + lane;
      halfway[to] = v.x;
      halfway[to + 24] = v.y;
      halfway[to + 48] = v.z;
    }
    let to = (m * p.channels + c + lane) * 9;
    for (var row = 0u; row < 3; row++) {
      let at = row * 24 + lane;
      let v = gathered(halfway[at], halfway[at + 4], halfway[at + 8], halfway[at + 12], halfway[at + 16], halfway[at + 20]);
      if (c + lane < p.channels) {
        dw[to + row * 3] = v.x;
        dw[to + row * 3 + 1] = v.y;
        dw[to + row * 3 + 2] = v.z;
      }
    }
  }
}
