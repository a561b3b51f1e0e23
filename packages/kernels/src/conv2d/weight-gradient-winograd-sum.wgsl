// dw [m, channel, 3, 3] = G' P G, P being the sum over parts of [part, m, 16, channel], first to last. A workgroup has one output; a lane is a channel.
struct Params { parts: u32, m: u32, channels: u32, padded: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;

fn row(first: u32) -> vec4f {
  let p = params;
  var at = first;
  var sum = vec4f();
  for (var part = 0u; part < p.parts; part++) {
    sum += vec4f(parts[at], parts[at + p.padded], parts[at + 2 * p.padded], parts[at + 3 * p.padded]);
    at += p.m * 16 * p.padded;
  }
  return sum;
}

/** Four values along a row or column, times G. */
fn gathered(v: vec4f) -> vec3f {
  return vec3f(v.x + (v.y + v.z) * 0.5, (v.y - v.z) * 0.5, (v.y + v.z) * 0.5 + v.w);
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let m = wg.x + wg.y * groups.x;
  if (m >= p.m) { return; }
  for (var c = 0u; c < p.channels; c += 4) {
    let first = m * 16 * p.padded + c + lane;
    let a = row(first);
    let b = row(first + 4 * p.padded);
    let d = row(first + 8 * p.padded);
    let e = row(first + 12 * p.padded);
    let top = gathered(a + (b + d) * 0.5);
    let middle = gathered((b - d) * 0.5);
    let bottom = gathered((b + d) * 0.5 + e);
    if (c + lane < p.channels) {
      let to = (m * p.channels + c + lane) * 9;
      for (var i = 0u; i < 3; i++) {
        dw[to + i] = top[i];
        dw[to + 3 + i] = middle[i];
        dw[to + 6 + i] = bottom[i];
      }
    }
  }
}
