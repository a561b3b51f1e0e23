// Sums of dy and of dy * (x - mean) over parts of each channel, dy being zero where the fused activation was flat.
// The layout of parts is that of statistics.wgsl; both sums go to one buffer, one behind the other.

struct Params {
  images: u32,
  channels: u32,
  vectors: u32, // per plane; a multiple of lanes
  lanes: u32,
  imagesPerPart: u32,
  parts: u32,
  activation: u32, // 0 none, 1 relu, 2 relu6
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> invStd: array<f32>;
@group(0) @binding(7) var<storage, read_write> sums: array<vec4f>; // [2, channels, parts, lanes]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let lane = index % params.lanes;
  let team = index / params.lanes;
  let channel = team % params.channels;
  let part = team / params.channels;
  if (part >= params.parts) {
    return;
  }
  let centre = mean[channel];
  let factor = invStd[channel] * scale[channel];
  let offset = bias[channel];
  let ceiling = select(0x1p127f, 6.0, params.activation == 2u);
  let first = part * params.imagesPerPart;
  let last = min(first + params.imagesPerPart, params.images);
  var sum = vec4f();
  var product = vec4f();
  for (var image = first; image < last; image++) {
    let plane = (image * params.channels + channel) * params.vectors;
    for (var i = plane + lane; i < plane + params.vectors; i += params.lanes) {
      let deviation = x[i] - centre;
      var gradient = dy[i];
      if (params.activation != 0u) {
        let value = deviation * factor + offset;
        gradient = select(gradient, vec4f(), (value <= vec4f()) | (value >= vec4f(ceiling)));
      }
      sum += gradient;
      product += gradient * deviation;
    }
  }
  let at = (channel * params.parts + part) * params.lanes + lane;
  sums[at] = sum;
  sums[params.channels * params.parts * params.lanes + at] = product;
}
