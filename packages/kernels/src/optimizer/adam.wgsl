// Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).

struct Params {
  vectors: u32,
  each: u32, // vectors per invocation
  hasKeep: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> theta: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> hyper: array<f32, 8>; // rate, beta1, beta2, epsilon, decay, step (from 1)
@group(0) @binding(6) var<storage, read_write> keep: array<vec4f>; // parameters where it is 0 become 0

struct Hyper {
  rate: f32,
  beta1: f32,
  beta2: f32,
  correction1: f32,
  correction2: f32,
  epsilon: f32,
  decay: f32,
  hasKeep: bool,
}

fn hyperParameters() -> Hyper {
  let correction1 = 1.0 - pow(hyper[1], hyper[5]);
  let correction2 = 1.0 - pow(hyper[2], hyper[5]);
  return Hyper(hyper[0], hyper[1], hyper[2], correction1, correction2, hyper[3], hyper[4], params.hasKeep != 0u);
}

fn update(i: u32, own: Hyper) {
  let g = gradient[i];
  let first = own.beta1 * m[i] + (1.0 - own.beta1) * g;
  let second = own.beta2 * v[i] + (1.0 - own.beta2) * g * g;
  m[i] = first;
  v[i] = second;
  let step = (first / own.correction1) / (sqrt(second / own.correction2) + own.epsilon);
  let moved = theta[i] - own.rate * (step + own.decay * theta[i]);
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
