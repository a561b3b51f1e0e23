// Cross-entropy of softmax(logits) against (1 - s) onehot(label) + s / K, per image, and the gradient of its mean over the batch:
// (softmax - target) / N. One invocation an image.

struct Params {
  images: u32,
  classes: u32,
  smoothing: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = id.x + id.y * groups.x * 32u;
  if (n >= params.images) {
    return;
  }
  let first = n * params.classes;
  let label = labels[n];
  var most = logits[first];
  for (var k = 1u; k < params.classes; k++) {
    most = max(most, logits[first + k]);
  }
  var sum = 0.0;
  var total = 0.0; // of the shifted logits
  for (var k = 0u; k < params.classes; k++) {
    let z = logits[first + k] - most;
    sum += exponential(z); // a diverged step must show in the gradient too
    total += z;
  }
  let classes = f32(params.classes);
  let logSum = log(sum);
  // -sum_k target_k (z_k - logSum)
  let own = logits[first + label] - most;
  loss[n] = logSum - (1.0 - params.smoothing) * own - params.smoothing * total / classes;
  let scale = 1.0 / f32(params.images);
  for (var k = 0u; k < params.classes; k++) {
    let target_k = select(0.0, 1.0 - params.smoothing, k == label) + params.smoothing / classes;
    gradient[first + k] = (exp(logits[first + k] - most) / sum - target_k) * scale;
  }
}
