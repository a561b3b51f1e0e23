// Mean, 1 / sqrt(variance + epsilon) and running statistics of every channel, from moments.wgsl.

@group(0) @binding(3) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(4) var<storage, read_write> runningVar: array<f32>;
@group(0) @binding(5) var<storage, read_write> meanOut: array<f32>;
@group(0) @binding(6) var<storage, read_write> invStdOut: array<f32>;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let channel = group.x + group.y * groups.x;
  if (channel >= params.channels) {
    return;
  }
  let found = moments(channel, lane);
  if (lane == 0u) {
    meanOut[channel] = found.x;
    invStdOut[channel] = 1.0 / sqrt(found.y + params.epsilon);
    runningMean[channel] = runningMean[channel] * params.momentum + found.x * (1.0 - params.momentum);
    // The unbiased variance, as PyTorch keeps it; of a single value it is taken as it is.
    let unbiased = found.y * elements() / max(1.0, elements() - 1.0);
    runningVar[channel] = runningVar[channel] * params.momentum + unbiased * (1.0 - params.momentum);
  }
}
