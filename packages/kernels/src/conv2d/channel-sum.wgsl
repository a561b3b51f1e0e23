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

// For the CPU device, where four invocations are the lanes of a vector: a workgroup has a channel, of which the lanes share each plane. [32, 64, 32, 32] takes
// 0.41 ms on one thread of the `cpu` adapter (Xeon) instead of 1.17, [32, 1280] 0.02 instead of 0.39.
var<workgroup> quarters: array<f32, 4>;

@compute @workgroup_size(4)
fn planes(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x + group.y * groups.x;
  if (c >= params.c) { return; }
  let space = params.space; // at least 4
  let most = space & 0xfffffff0u;
  let whole = space & 0xfffffffcu;
  let step = params.c * space;
  var plane = c * space;
  var sum = 0.0;
  for (var n = 0u; n < params.n; n++) {
    var a = 0.0;
    var b = 0.0;
    for (var i = 0u; i < most; i += 16u) {
      a += x[plane + i + lane] + x[plane + i + 4u + lane];
      b += x[plane + i + 8u + lane] + x[plane + i + 12u + lane];
    }
    for (var i = most; i < whole; i += 4u) {
      a += x[plane + i + lane];
    }
    if (whole < space) {
      // The last four, of which the first have been counted.
      b += select(0.0, x[plane + space - 4u + lane], lane >= 4u - (space - whole));
    }
    sum += a + b;
    plane += step;
  }
  quarters[lane] = sum;
  workgroupBarrier();
  let total = (quarters[0] + quarters[1]) + (quarters[2] + quarters[3]);
  if (lane == 0u) { sums[c] = total * params.scale; }
}

/** The same where there is one element an image: the lanes have a channel each, neighbours in memory. */
@compute @workgroup_size(4)
fn columns(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let channels = params.c;
  let first = (group.x + group.y * groups.x) * 16u;
  for (var k = 0u; k < 16u; k += 4u) {
    let c = first + k;
    if (c >= channels) { return; }
    if (c + 4u <= channels) {
      var sum = 0.0;
      var at = c;
      for (var n = 0u; n < params.n; n++) {
        sum += x[at + lane];
        at += channels;
      }
      sums[c + lane] = sum * params.scale;
    } else if (c + lane < channels) {
      var sum = 0.0;
      for (var n = 0u; n < params.n; n++) { sum += x[n * channels + c + lane]; }
      sums[c + lane] = sum * params.scale;
    }
  }
}
