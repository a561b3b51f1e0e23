// y[outer, part, inner] = sum (or another reduction) over every `parts`-th r of x[outer, r, inner]: one step over a run of dimensions.
// Joined to reduction.wgsl. Long runs are cut into interleaved parts, reduced again by a second dispatch: neighbours read neighbours, the order is
// fixed, and the error grows with the logarithm of the length.

struct Params {
  count: u32, // vectors of y
  reduced: u32,
  parts: u32,
  inner: u32, // vectors
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.count) {
    return;
  }
  let column = index % params.inner;
  let part = (index / params.inner) % params.parts;
  let outer = index / (params.inner * params.parts);
  let row = outer * params.reduced * params.inner + column;
  var sum = before(x[row + part * params.inner]);
  for (var r = part + params.parts; r < params.reduced; r += params.parts) {
    sum = combine(sum, before(x[row + r * params.inner]));
  }
  y[index] = finish(sum);
}
