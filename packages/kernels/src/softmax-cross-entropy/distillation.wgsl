// T^2 KL(softmax(teacher / T) || softmax(student / T)) per image, and the gradient of its mean over the batch by the student's logits:
// T (softmax(student / T) - softmax(teacher / T)) / N. One invocation an image.

struct Params {
  images: u32,
  classes: u32,
  temperature: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> student: array<f32>;
@group(0) @binding(2) var<storage, read_write> teacher: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = id.x + id.y * groups.x * 32u;
  if (n >= params.images) {
    return;
  }
  let first = n * params.classes;
  let t = params.temperature;
  var most = vec2f(student[first], teacher[first]);
  for (var k = 1u; k < params.classes; k++) {
    most = max(most, vec2f(student[first + k], teacher[first + k]));
  }
  var sums = vec2f();
  var cross = 0.0; // sum of exp(teacher) (teacher - student), shifted
  for (var k = 0u; k < params.classes; k++) {
    let z = (vec2f(student[first + k], teacher[first + k]) - most) / t;
    let e = vec2f(exponential(z.x), exponential(z.y));
    sums += e;
    cross += e.y * (z.y - z.x);
  }
  // Rounding may take the divergence of equal distributions below 0; on bits, so that NaN stays.
  let divergence = cross / sums.y + log(sums.x / sums.y);
  loss[n] = t * t * select(divergence, 0.0, (bitcast<u32>(divergence) ^ 0x80000000u) <= 0x7f800000u);
  let scale = t / f32(params.images);
  for (var k = 0u; k < params.classes; k++) {
    let z = (vec2f(student[first + k], teacher[first + k]) - most) / t;
    gradient[first + k] = (exponential(z.x) / sums.x - exponential(z.y) / sums.y) * scale;
  }
}
