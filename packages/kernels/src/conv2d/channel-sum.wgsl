// Sums of x [N, C, S] over images and space: one workgroup per channel, a fixed tree at the end.
struct Params { n: u32, c: u32, space: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x + group.y * groups.x;
  let channel = min(c, params.c - 1);
  var sum = 0.0;
  if (params.space >= 16) {
    for (var n = 0u; n < params.n; n++) {
      let plane = (n * params.c + channel) * params.space;
      var image = 0.0;
      for (var i = lane; i < params.space; i += 64) { image += x[plane + i]; }
      sum += image;
    }
  } else { // little space (a linear layer): lanes share out the images
    for (var n = lane; n < params.n; n += 64) {
      let plane = (n * params.c + channel) * params.space;
      for (var i = 0u; i < params.space; i++) { sum += x[plane + i]; }
    }
  }
  partial[lane] = sum;
  for (var half = 32u; half > 0; half >>= 1) {
    workgroupBarrier();
    if (lane < half) { partial[lane] += partial[lane + half]; }
  }
  if (lane == 0 && c < params.c) { sums[c] = partial[0] * params.scale; }
}
