// Local response normalisation: y = x d^-beta, d = bias + alpha / size (sum of x^2 over `size` channels around). An invocation has one pixel of
// one channel; the window's planes are read from caches.

struct Params {
  count: u32,
  channels: u32,
  plane: u32,
  before: u32, // channels of the window before its own
  after: u32,
  alpha: f32, // alpha / size
  beta: f32,
  bias: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> terms: array<f32>; // dy x d^(-beta - 1)
@group(0) @binding(4) var<storage, read_write> powers: array<f32>; // d^-beta
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // or dx

fn denominator(i: u32) -> f32 {
  let channel = i / params.plane % params.channels;
  let back = min(channel, params.before);
  let first = i - back * params.plane;
  let window = back + 1u + min(params.channels - 1u - channel, params.after);
  var sum = 0.0;
  for (var c = 0u; c < window; c++) {
    let value = x[first + c * params.plane];
    sum += value * value;
  }
  return params.bias + params.alpha * sum;
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i < params.count) {
    y[i] = x[i] * pow(denominator(i), -params.beta);
  }
}

@compute @workgroup_size(64)
fn gradientTerms(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i < params.count) {
    let d = denominator(i);
    let power = pow(d, -params.beta);
    powers[i] = power;
    terms[i] = dy[i] * x[i] * power / d;
  }
}

// dx = dy d^-beta - 2 alpha beta / size x (sum of the terms of the channels whose windows hold this one).
@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.count) {
    return;
  }
  let channel = i / params.plane % params.channels;
  let back = min(channel, params.after);
  let first = i - back * params.plane;
  let window = back + 1u + min(params.channels - 1u - channel, params.before);
  var sum = 0.0;
  for (var c = 0u; c < window; c++) {
    sum += terms[first + c * params.plane];
  }
  y[i] = dy[i] * powers[i] - 2.0 * params.alpha * params.beta * x[i] * sum;
}
