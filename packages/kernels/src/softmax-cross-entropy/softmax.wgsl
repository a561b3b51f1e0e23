// Softmax and its logarithm over the middle axis of [outer, classes, inner], shifted by the maximum; and their gradients,
// dx = y (dy - sum(y dy)) and dx = dy - exp(y) sum(dy).
// One invocation a row: rows are short (classes) and many.

struct Params {
  rows: u32, // outer * inner
  classes: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>; // y for the gradient
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // dx for the gradient
@group(0) @binding(3) var<storage, read_write> dy: array<f32>;

fn firstOf(row: u32) -> u32 {
  return (row / params.inner) * params.classes * params.inner + row % params.inner;
}

fn greatest(first: u32) -> f32 {
  var most = x[first];
  for (var k = 1u; k < params.classes; k++) {
    most = max(most, x[first + k * params.inner]);
  }
  return most;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = id.x + id.y * groups.x * 64u;
  if (row >= params.rows) {
    return;
  }
  let first = firstOf(row);
  let most = greatest(first);
  // NaN reaches the sum, and so every probability of the row, even where max drops it.
  var sum = 0.0;
  for (var k = 0u; k < params.classes; k++) {
    let i = first + k * params.inner;
    let e = exponential(x[i] - most);
    y[i] = e;
    sum += e;
  }
  for (var k = 0u; k < params.classes; k++) {
    y[first + k * params.inner] /= sum;
  }
}

@compute @workgroup_size(64)
fn logarithm(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = id.x + id.y * groups.x * 64u;
  if (row >= params.rows) {
    return;
  }
  let first = firstOf(row);
  let most = greatest(first);
  var sum = 0.0;
  for (var k = 0u; k < params.classes; k++) {
    sum += exponential(x[first + k * params.inner] - most);
  }
  let logSum = select(log(sum), sum, isNan(sum));
  for (var k = 0u; k < params.classes; k++) {
    let i = first + k * params.inner;
    y[i] = x[i] - most - logSum;
  }
}

@compute @workgroup_size(64)
fn logarithmGradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = id.x + id.y * groups.x * 64u;
  if (row >= params.rows) {
    return;
  }
  let first = firstOf(row);
  var sum = 0.0;
  for (var k = 0u; k < params.classes; k++) {
    sum += dy[first + k * params.inner];
  }
  for (var k = 0u; k < params.classes; k++) {
    let i = first + k * params.inner;
    y[i] = dy[i] - exponential(x[i]) * sum;
  }
}

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = id.x + id.y * groups.x * 64u;
  if (row >= params.rows) {
    return;
  }
  let first = firstOf(row);
  var dot = 0.0;
  for (var k = 0u; k < params.classes; k++) {
    let i = first + k * params.inner;
    dot += x[i] * dy[i];
  }
  for (var k = 0u; k < params.classes; k++) {
    let i = first + k * params.inner;
    y[i] = x[i] * (dy[i] - dot);
  }
}
