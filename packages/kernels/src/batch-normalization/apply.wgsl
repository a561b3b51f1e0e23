// y = activation((x - mean) * invStd * scale + bias) * mask, the channel's figures read once per `vectors / lanes` vectors.

struct Params {
  channels: u32,
  planes: u32, // images x channels
  vectors: u32, // per plane; a multiple of lanes
  lanes: u32, // invocations that share a plane
  activation: u32, // 0 none, 1 relu, 2 relu6
  given: u32, // bits: 1 scale, 2 bias, 4 mean is there; 8: `invStd` holds variances; 16 mask is there; 32: planes of any channel share a row
  planesPerCandidate: u32, // planes that share a row of mean and invStd
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>; // [candidates, channels] or [rows]
@group(0) @binding(5) var<storage, read_write> invStd: array<f32>;
@group(0) @binding(6) var<storage, read_write> mask: array<f32>; // [candidates, channels]
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;

/** On bits, because max(NaN, 0) may be 0: what is negative and no NaN becomes 0, what is above 6 and no NaN becomes 6. */
fn activate(value: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(value);
  let negative = (bits ^ vec4u(0x80000000u)) <= vec4u(0x7f800000u);
  let above6 = (bits - vec4u(0x40c00000u)) <= vec4u(0x7f800000u - 0x40c00000u);
  let relu = select(value, vec4f(), negative);
  return select(select(relu, vec4f(6.0), above6), relu, params.activation == 1u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let plane = index / params.lanes;
  if (plane >= params.planes) {
    return;
  }
  let channel = plane % params.channels;
  let block = plane / params.planesPerCandidate;
  let row = select(channel + block * params.channels, block, (params.given & 32u) != 0u);
  var factor = invStd[row];
  if ((params.given & 8u) != 0u) {
    factor = 1.0 / sqrt(factor + params.epsilon);
  }
  if ((params.given & 1u) != 0u) {
    factor *= scale[channel];
  }
  var offset = select(0.0, bias[channel], (params.given & 2u) != 0u);
  // Both activations keep zero, so that the mask may stand before them.
  if ((params.given & 16u) != 0u) {
    factor *= mask[row];
    offset *= mask[row];
  }
  let centre = select(0.0, mean[row], (params.given & 4u) != 0u);
  let base = plane * params.vectors;
  if (params.activation == 0u) {
    for (var i = base + index % params.lanes; i < base + params.vectors; i += params.lanes) {
      y[i] = (x[i] - centre) * factor + offset;
    }
  } else {
    for (var i = base + index % params.lanes; i < base + params.vectors; i += params.lanes) {
      y[i] = activate((x[i] - centre) * factor + offset);
    }
  }
}
