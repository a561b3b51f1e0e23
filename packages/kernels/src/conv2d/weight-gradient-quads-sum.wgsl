// dw [m, channel, tap] = the sum over parts of [part, m, tap, channel], first to last. A workgroup has one output; a lane is a channel.
struct Params { parts: u32, m: u32, area: u32, channels: u32, padded: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let m = wg.x + wg.y * groups.x;
  if (m >= p.m) { return; }
  for (var tap = 0u; tap < p.area; tap++) {
    for (var c = 0u; c < p.channels; c += 4) {
      var at = (m * p.area + tap) * p.padded + c + lane;
      var sum = 0.0;
      for (var part = 0u; part < p.parts; part++) {
        sum += parts[at];
        at += p.m * p.area * p.padded;
      }
      if (c + lane < p.channels) { dw[(m * p.channels + c + lane) * p.area + tap] = sum; }
    }
  }
}
