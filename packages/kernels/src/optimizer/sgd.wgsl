// Stochastic gradient descent with momentum as PyTorch has it: g += decay * theta; v = momentum * v + g;
// theta -= rate * v, or rate * (g + momentum * v) with Nesterov's step.

struct Params {
  vectors: u32,
  each: u32, // vectors per invocation
  hasKeep: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> theta: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> velocity: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> hyper: array<f32, 4>; // rate, momentum, decay, nesterov
@group(0) @binding(5) var<storage, read_write> keep: array<vec4f>; // parameters where it is 0 become 0

struct Hyper {
  rate: f32,
  momentum: f32,
  decay: f32,
  nesterov: bool,
  hasKeep: bool,
}

fn hyperParameters() -> Hyper {
  return Hyper(hyper[0], hyper[1], hyper[2], hyper[3] != 0.0, params.hasKeep != 0u);
}

fn update(i: u32, own: Hyper) {
  let g = gradient[i] + own.decay * theta[i];
  let v = own.momentum * velocity[i] + g;
  velocity[i] = v;
  let moved = theta[i] - own.rate * select(v, g + own.momentum * v, own.nesterov);
  if (own.hasKeep) {
    theta[i] = select(moved, vec4f(), keep[i] == vec4f());
  } else {
    theta[i] = moved;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
  let own = hyperParameters();
  let first = (group.x + group.y * groups.x) * 64u * params.each + lane;
  for (var k = 0u; k < params.each; k++) {
    let i = first + k * 64u;
    if (i >= params.vectors) {
      return;
    }
    update(i, own);
  }
}

/** As flat-cpu.wgsl has it. */
@compute @workgroup_size(4)
fn wide(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own = hyperParameters();
  let begin = min((group.x + group.y * groups.x) * 4u * params.each, params.vectors);
  let end = min(begin + 4u * params.each, params.vectors);
  let whole = begin + (end - begin) / 4u * 4u;
  for (var i = begin; i < whole; i += 4u) {
    update(i + lane, own);
  }
  if (whole + lane < end) {
    update(whole + lane, own);
  }
}
