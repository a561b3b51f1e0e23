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

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
  let rate = hyper[0];
  let momentum = hyper[1];
  let decay = hyper[2];
  let nesterov = hyper[3] != 0.0;
  let first = (group.x + group.y * groups.x) * 64u * params.each + lane;
  for (var k = 0u; k < params.each; k++) {
    let i = first + k * 64u;
    if (i >= params.vectors) {
      return;
    }
    let g = gradient[i] + decay * theta[i];
    let v = momentum * velocity[i] + g;
    velocity[i] = v;
    let moved = theta[i] - rate * select(v, g + momentum * v, nesterov);
    if (params.hasKeep != 0u) {
      theta[i] = select(moved, vec4f(), keep[i] == vec4f());
    } else {
      theta[i] = moved;
    }
  }
}
