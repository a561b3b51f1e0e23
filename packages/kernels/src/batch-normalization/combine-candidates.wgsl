// Mean and 1 / sqrt(variance + epsilon) of every channel of every candidate, from moments.wgsl.

@group(0) @binding(3) var<storage, read_write> meanOut: array<f32>; // [candidates, channels]
@group(0) @binding(4) var<storage, read_write> invStdOut: array<f32>;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= params.channels) {
    return;
  }
  let found = moments(row, lane);
  if (lane == 0u) {
    meanOut[row] = found.x;
    invStdOut[row] = 1.0 / sqrt(found.y + params.epsilon);
  }
}
