// y[row, j] = (x - mean[row]) * invStd[row] * scale[j] + bias[j]: layer normalisation, where every element of a row has its own scale.

struct Params {
  rows: u32,
  vectors: u32, // per row
  lanes: u32, // invocations that share a row
  biased: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> invStd: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let centre = mean[row];
  let factor = invStd[row];
  let base = row * params.vectors;
  for (var j = index - row * params.lanes; j < params.vectors; j += params.lanes) {
    let scaled = (x[base + j] - centre) * factor * scale[j];
    if (params.biased != 0u) {
      y[base + j] = scaled + bias[j];
    } else {
      y[base + j] = scaled;
    }
  }
}
