// Gradients of y = (x - mean) * invStd * scale + bias, mean and invStd being those of rows of x. A row is `segments` runs of `inner` elements;
// each run has one entry of scale and bias: run p of the whole has entry p % affine.

struct Params {
  rows: u32,
  segments: u32, // runs per row
  inner: u32,
  affine: u32, // entries of scale
  segmentLanes: u32, // invocations that share a row's runs, and
  innerLanes: u32, // each run's elements
  parts: u32, // of an entry's runs, for its own gradient
  runs: u32, // of an entry
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>; // [rows]
@group(0) @binding(5) var<storage, read_write> invStd: array<f32>; // [rows]
@group(0) @binding(6) var<storage, read_write> sums: array<f32>; // [rows, lanes, 2]: of g = dy * scale and of g * (x - mean)
@group(0) @binding(7) var<storage, read_write> first: array<f32>; // dx; or the parts of dscale
@group(0) @binding(8) var<storage, read_write> second: array<f32>; // the parts of dbias

@compute @workgroup_size(64)
fn rowSums(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let lanes = params.segmentLanes * params.innerLanes;
  let row = index / lanes;
  if (row >= params.rows) {
    return;
  }
  let lane = index - row * lanes;
  let centre = mean[row];
  var sum = 0.0;
  var product = 0.0;
  for (var run = row * params.segments + lane / params.innerLanes; run < (row + 1u) * params.segments; run += params.segmentLanes) {
    let factor = scale[run % params.affine];
    let end = (run + 1u) * params.inner;
    for (var i = run * params.inner + lane % params.innerLanes; i < end; i += params.innerLanes) {
      let g = dy[i] * factor;
      sum += g;
      product += g * (x[i] - centre);
    }
  }
  sums[2u * index] = sum;
  sums[2u * index + 1u] = product;
}

// dx = invStd (g - mean(g) - xhat mean(g xhat)) = invStd g + slope (x - mean) + constant
@compute @workgroup_size(64)
fn inputGradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let lanes = params.segmentLanes * params.innerLanes;
  let row = index / lanes;
  if (row >= params.rows) {
    return;
  }
  var sum = 0.0;
  var product = 0.0;
  for (var i = row * lanes; i < (row + 1u) * lanes; i++) {
    sum += sums[2u * i];
    product += sums[2u * i + 1u];
  }
  let lane = index - row * lanes;
  let centre = mean[row];
  let inverse = invStd[row];
  let length = f32(params.segments * params.inner);
  let slope = -inverse * inverse * inverse * product / length;
  let constant = -inverse * sum / length;
  for (var run = row * params.segments + lane / params.innerLanes; run < (row + 1u) * params.segments; run += params.segmentLanes) {
    let factor = inverse * scale[run % params.affine];
    let end = (run + 1u) * params.inner;
    for (var i = run * params.inner + lane % params.innerLanes; i < end; i += params.innerLanes) {
      first[i] = factor * dy[i] + slope * (x[i] - centre) + constant;
    }
  }
}

@compute @workgroup_size(64)
fn affineParts(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let part = index / params.affine;
  if (part >= params.parts) {
    return;
  }
  let entry = index - part * params.affine;
  var sum = 0.0;
  var product = 0.0;
  for (var n = part; n < params.runs; n += params.parts) {
    let run = n * params.affine + entry;
    let row = run / params.segments;
    let centre = mean[row];
    var own = 0.0;
    for (var i = run * params.inner; i < (run + 1u) * params.inner; i++) {
      sum += dy[i];
      own += dy[i] * (x[i] - centre);
    }
    product += own * invStd[row];
  }
  first[index] = product;
  second[index] = sum;
}
