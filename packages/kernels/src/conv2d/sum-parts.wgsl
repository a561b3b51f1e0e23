// y[i] = the sum over parts of x[part, i], first to last.
struct Params { parts: u32, length: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64;
  if (i >= params.length) { return; }
  var sum = 0.0;
  for (var part = 0u; part < params.parts; part++) { sum += x[part * params.length + i]; }
  y[i] = sum;
}
