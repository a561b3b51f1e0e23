// dx = scale invStd (dy - mean(dy) - xhat mean(dy xhat)), written as factor dy + slope (x - mean) + constant.

struct Params {
  channels: u32,
  planes: u32, // images x channels
  vectors: u32, // per plane; a multiple of lanes
  lanes: u32, // invocations that share a plane
  activation: u32, // 0 none, 1 relu, 2 relu6
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> coefficients: array<f32>; // [channels, 5]
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let plane = index / params.lanes;
  if (plane >= params.planes) {
    return;
  }
  let channel = plane % params.channels;
  let centre = coefficients[channel * 5u];
  let factor = coefficients[channel * 5u + 1u];
  let offset = coefficients[channel * 5u + 2u];
  let slope = coefficients[channel * 5u + 3u];
  let constant = coefficients[channel * 5u + 4u];
  let ceiling = select(0x1p127f, 6.0, params.activation == 2u);
  let base = plane * params.vectors;
  for (var i = base + index % params.lanes; i < base + params.vectors; i += params.lanes) {
    let deviation = x[i] - centre;
    var gradient = dy[i];
    if (params.activation != 0u) {
      let value = deviation * factor + offset;
      gradient = select(gradient, vec4f(), (value <= vec4f()) | (value >= vec4f(ceiling)));
    }
    dx[i] = factor * gradient + slope * deviation + constant;
  }
}
