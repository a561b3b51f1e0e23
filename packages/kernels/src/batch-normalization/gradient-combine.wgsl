// Adds up the parts of gradient-sums.wgsl: dbias = sum dy, dscale = sum dy * (x - mean) * invStd, and the five figures per
// channel that gradient-apply.wgsl needs. One workgroup per channel; lanes as in combine.wgsl.

override lanes: u32 = 64u;

struct Params {
  channels: u32,
  entries: u32, // parts' values per channel
  elements: u32, // of x, per channel
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>; // [2, channels, entries]
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> invStd: array<f32>;
@group(0) @binding(6) var<storage, read_write> dscale: array<f32>;
@group(0) @binding(7) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(8) var<storage, read_write> coefficients: array<f32>; // [channels, 5]

var<workgroup> shared_sums: array<vec2f, lanes>;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let channel = group.x;
  let base = channel * params.entries;
  let second = params.channels * params.entries;
  var sum = vec2f();
  for (var i = lane; i < params.entries; i += lanes) {
    sum += vec2f(sums[base + i], sums[second + base + i]);
  }
  shared_sums[lane] = sum;
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      shared_sums[lane] += shared_sums[lane + half];
    }
  }
  if (lane == 0u) {
    let inverse = invStd[channel];
    let factor = scale[channel] * inverse;
    let scaleGradient = shared_sums[0].y * inverse;
    let biasGradient = shared_sums[0].x;
    dscale[channel] = scaleGradient;
    dbias[channel] = biasGradient;
    let count = f32(params.elements);
    coefficients[channel * 5u] = mean[channel];
    coefficients[channel * 5u + 1u] = factor;
    coefficients[channel * 5u + 2u] = bias[channel];
    coefficients[channel * 5u + 3u] = -factor * inverse * scaleGradient / count;
    coefficients[channel * 5u + 4u] = -factor * biasGradient / count;
  }
}
