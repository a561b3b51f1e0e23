// y[row] = sum (or another reduction) of x[row, ...], an invocation a row: for many short rows on software adapters, where a row is in
// the cache of who reads it. Joined to reduction.wgsl.

struct Params {
  count: u32, // rows
  reduced: u32, // vectors of a row
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = id.x + id.y * groups.x * 64u;
  if (row >= params.count) {
    return;
  }
  let first = row * params.reduced;
  var sum = before(x[first]);
  for (var i = 1u; i < params.reduced; i++) {
    sum = combine(sum, before(x[first + i]));
  }
  let halves = combine(sum, sum.zwxy);
  y[row] = finish(combine(halves, halves.yxwz)).x;
}
