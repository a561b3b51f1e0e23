// y = x with borders: each output coordinate is carried back to the input's, or lies outside and takes `value`.

struct Params {
  rows: u32,
  inner: u32, // vectors per row of y
  lanes: u32, // invocations that share a row
  rank: u32, // outer dimensions
  mode: u32, // 0 constant, 1 reflect, 2 edge, 3 wrap, 4 constant with steps (the gradient of Slice)
  innerBegin: u32, // as begins, sizes and steps, for the innermost dimension; its stride is 1
  innerSize: u32,
  innerStep: u32,
  // Outer dimensions, the innermost first: y's size; where x begins in y; x's size, stride and step (both signed).
  dims: array<vec4<u32>, 2>,
  begins: array<vec4<u32>, 2>,
  sizes: array<vec4<u32>, 2>,
  strides: array<vec4<u32>, 2>,
  steps: array<vec4<u32>, 2>,
  value: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;

/** The input coordinate behind output coordinate `at`; `size` (as u32, at least) where there is none. */
fn source(at: u32, begin: u32, size: u32, step: u32) -> u32 {
  let q = i32(at - begin);
  let n = i32(size);
  switch params.mode {
    case 1u: { return u32(select(select(q, 2 * (n - 1) - q, q >= n), -q, q < 0)); }
    case 2u: { return u32(clamp(q, 0, n - 1)); }
    case 3u: { return u32(((q % n) + n) % n); }
    case 4u: {
      let stride = i32(step);
      let forward = select(q, -q, stride < 0);
      let quotient = forward / abs(stride);
      return select(size, u32(quotient), forward >= 0 && quotient * abs(stride) == forward);
    }
    default: { return u32(q); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  var base = 0u;
  var inside = true;
  var rest = row;
  for (var i = 0u; i < params.rank; i++) {
    let dimension = params.dims[i / 4u][i % 4u];
    let size = params.sizes[i / 4u][i % 4u];
    let at = source(rest % dimension, params.begins[i / 4u][i % 4u], size, params.steps[i / 4u][i % 4u]);
    inside = inside && at < size;
    base += at * params.strides[i / 4u][i % 4u];
    rest /= dimension;
  }
  let target_row = row * params.inner;
  for (var j = index - row * params.lanes; j < params.inner; j += params.lanes) {
    let at = source(j, params.innerBegin, params.innerSize, params.innerStep);
    var value = bitcast<vec4u>(vec4f(params.value));
    if (inside && at < params.innerSize) {
      value = x[base + at];
    }
    y[target_row + j] = value;
  }
}
