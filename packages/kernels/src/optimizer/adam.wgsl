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

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
  let rate = hyper[0];
  let beta1 = hyper[1];
  let beta2 = hyper[2];
  let correction1 = 1.0 - pow(beta1, hyper[5]);
  let correction2 = 1.0 - pow(beta2, hyper[5]);
  let first = (group.x + group.y * groups.x) * 64u * params.each + lane;
  for (var k = 0u; k < params.each; k++) {
    let i = first + k * 64u;
    if (i >= params.vectors) {
      return;
    }
    let g = gradient[i];
    m[i] = beta1 * m[i] + (1.0 - beta1) * g;
    v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
    let step = (m[i] / correction1) / (sqrt(v[i] / correction2) + hyper[3]);
    let moved = theta[i] - rate * (step + hyper[4] * theta[i]);
    if (params.hasKeep != 0u) {
      theta[i] = select(moved, vec4f(), keep[i] == vec4f());
    } else {
      theta[i] = moved;
    }
  }
}
