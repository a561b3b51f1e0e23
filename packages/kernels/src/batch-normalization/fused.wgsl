// Batch normalisation on the CPU device, where four invocations are the lanes of a vector and a workgroup goes over whole channels: statistics and what is
// made of them are one dispatch, so that a channel read once for its statistics is still in the core's cache. A training step of ResNet-20 with 32 images
// spends 6.5 ms in it on one thread of the `cpu` adapter (Xeon, AVX-512), against 20 with the parts of statistics.wgsl, their combination and apply.wgsl.
// Joined to fused-activation.wgsl.

struct Params {
  images: u32, // that share statistics: of a candidate
  channels: u32,
  plane: u32, // elements of a channel of an image: 4 at least
  rows: u32, // candidates x channels: each has statistics of its own
  each: u32, // rows of a workgroup
  given: u32, // bits: 1 scale, 2 bias, 4 mask or mean is there
  epsilon: f32,
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> runningMean: array<f32>; // mean of `inference`, mask [candidates, channels] of `candidates`
@group(0) @binding(6) var<storage, read_write> runningVar: array<f32>;
@group(0) @binding(7) var<storage, read_write> meanOut: array<f32>;
@group(0) @binding(8) var<storage, read_write> invStdOut: array<f32>;

var<workgroup> lanes: array<vec2f, 4>;

/** Where a row's first plane begins. */
fn beginningOf(row: u32) -> u32 {
  return (row / params.channels * params.images * params.channels + row % params.channels) * params.plane;
}

/** Mean and biased variance of a row, by the deviations from its first value: one pass, and no cancellation where the mean is large and the variance small. */
fn moments(first: u32, lane: u32) -> vec2f {
  let step = params.channels * params.plane;
  let most = params.plane & 0xfffffff0u;
  let whole = params.plane & 0xfffffffcu;
  let origin = x[first];
  var base = first;
  var sum = 0.0;
  var square = 0.0;
  for (var image = 0u; image < params.images; image++) {
    var s0 = 0.0;
    var s1 = 0.0;
    var q0 = 0.0;
    var q1 = 0.0;
    for (var i = 0u; i < most; i += 16u) {
      let d0 = x[base + i + lane] - origin;
      let d1 = x[base + i + 4u + lane] - origin;
      let d2 = x[base + i + 8u + lane] - origin;
      let d3 = x[base + i + 12u + lane] - origin;
      s0 += d0;
      q0 += d0 * d0;
      s1 += d1;
      q1 += d1 * d1;
      s0 += d2;
      q0 += d2 * d2;
      s1 += d3;
      q1 += d3 * d3;
    }
    for (var i = most; i < whole; i += 4u) {
      let d = x[base + i + lane] - origin;
      s0 += d;
      q0 += d * d;
    }
    if (whole < params.plane) {
      // The last four elements, of which the first have been counted.
      let d = select(0.0, x[base + params.plane - 4u + lane] - origin, lane >= 4u - (params.plane - whole));
      s1 += d;
      q1 += d * d;
    }
    sum += s0 + s1;
    square += q0 + q1;
    base += step;
  }
  lanes[lane] = vec2f(sum, square);
  workgroupBarrier();
  let all = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
  workgroupBarrier();
  let count = f32(params.images) * f32(params.plane);
  let deviation = all.x / count;
  return vec2f(origin + deviation, max(0.0, (all.y - all.x * deviation) / count));
}

/** y = activation((x - centre) factor + offset) over a row. */
fn normalize(first: u32, centre: f32, factor: f32, offset: f32, lane: u32) {
  let step = params.channels * params.plane;
  let most = params.plane & 0xfffffff0u;
  let whole = params.plane & 0xfffffffcu;
  var base = first;
  for (var image = 0u; image < params.images; image++) {
    for (var i = 0u; i < most; i += 16u) {
      y[base + i + lane] = activate((x[base + i + lane] - centre) * factor + offset);
      y[base + i + 4u + lane] = activate((x[base + i + 4u + lane] - centre) * factor + offset);
      y[base + i + 8u + lane] = activate((x[base + i + 8u + lane] - centre) * factor + offset);
      y[base + i + 12u + lane] = activate((x[base + i + 12u + lane] - centre) * factor + offset);
    }
    for (var i = most; i < whole; i += 4u) {
      y[base + i + lane] = activate((x[base + i + lane] - centre) * factor + offset);
    }
    if (whole < params.plane) {
      // Some of them once more.
      let at = base + params.plane - 4u + lane;
      y[at] = activate((x[at] - centre) * factor + offset);
    }
    base += step;
  }
}

@compute @workgroup_size(4)
fn training(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * params.each;
  let end = min(begin + params.each, params.rows);
  let count = f32(params.images) * f32(params.plane);
  for (var row = begin; row < end; row++) {
    let first = beginningOf(row);
    let found = moments(first, lane);
    let inverse = 1.0 / sqrt(found.y + params.epsilon);
    if (lane == 0u) {
      meanOut[row] = found.x;
      invStdOut[row] = inverse;
      runningMean[row] = runningMean[row] * params.momentum + found.x * (1.0 - params.momentum);
      // The unbiased variance, as PyTorch keeps it; of a single value it is taken as it is.
      let unbiased = found.y * count / max(1.0, count - 1.0);
      runningVar[row] = runningVar[row] * params.momentum + unbiased * (1.0 - params.momentum);
    }
    normalize(first, found.x, inverse * scale[row], bias[row], lane);
  }
}

/** Scale and bias of a channel, multiplied and 0 where they are absent. */
fn affine(channel: u32, inverse: f32) -> vec2f {
  var result = vec2f(inverse, 0.0);
  if ((params.given & 1u) != 0u) {
    result.x *= scale[channel];
  }
  if ((params.given & 2u) != 0u) {
    result.y = bias[channel];
  }
  return result;
}

@compute @workgroup_size(4)
fn candidates(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * params.each;
  let end = min(begin + params.each, params.rows);
  for (var row = begin; row < end; row++) {
    let first = beginningOf(row);
    let found = moments(first, lane);
    var line = affine(row % params.channels, 1.0 / sqrt(found.y + params.epsilon));
    // Both activations keep zero, so that the mask may stand before them.
    if ((params.given & 4u) != 0u) {
      line *= runningMean[row];
    }
    normalize(first, found.x, line.x, line.y, lane);
  }
}

@compute @workgroup_size(4)
fn inference(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * params.each;
  let end = min(begin + params.each, params.rows);
  for (var row = begin; row < end; row++) {
    let line = affine(row, 1.0 / sqrt(runningVar[row] + params.epsilon));
    var centre = 0.0;
    if ((params.given & 4u) != 0u) {
      centre = runningMean[row];
    }
    normalize(beginningOf(row), centre, line.x, line.y, lane);
  }
}
