// y = a (op) b, both of y's shape. Joined to combine.wgsl and flat-cpu.wgsl.

struct Params {
  vectors: u32,
  each: u32, // vectors per invocation
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

fn element(i: u32) {
  y[i] = combine(a[i], b[i]);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * 64u * params.each;
  let end = min(begin + 64u * params.each, params.vectors);
  for (var i = begin + lane; i < end; i += 64u) {
    element(i);
  }
}
