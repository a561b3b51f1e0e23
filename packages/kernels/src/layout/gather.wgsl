// y[outer, k, inner] = x[outer, indices[k], inner], elements travelling as bits; and its gradient, in which every row of dx looks for the
// indices that took it, so that repeated ones need no atomics.

struct Params {
  rows: u32, // of what is written: outer x its size along the axis
  inner: u32, // vectors
  lanes: u32, // invocations that share a row
  size: u32, // of x along the axis
  count: u32, // of indices
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4u>; // or dy
@group(0) @binding(2) var<storage, read_write> indices: array<i32>; // negative ones count from the end
@group(0) @binding(3) var<storage, read_write> y: array<vec4u>; // or dx

fn indexAt(k: u32) -> u32 {
  let index = indices[k];
  return u32(select(index, index + i32(params.size), index < 0));
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let source = (row / params.count * params.size + min(indexAt(row % params.count), params.size - 1u)) * params.inner;
  for (var j = index - row * params.lanes; j < params.inner; j += params.lanes) {
    y[row * params.inner + j] = x[source + j];
  }
}

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let own = row % params.size;
  let source = row / params.size * params.count;
  for (var j = index - row * params.lanes; j < params.inner; j += params.lanes) {
    var sum = vec4f();
    for (var k = 0u; k < params.count; k++) {
      if (indexAt(k) == own) {
        sum += bitcast<vec4f>(x[(source + k) * params.inner + j]);
      }
    }
    y[row * params.inner + j] = bitcast<vec4u>(sum);
  }
}
