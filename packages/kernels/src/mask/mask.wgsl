// y[p * B + b, c, ...] = x[b or p * B + b, c, ...] * mask[p, c]: lanes share a plane of one image and channel.

struct Params {
  channels: u32,
  planes: u32, // output images x channels
  perCandidate: u32, // planes of one candidate
  vectors: u32, // per plane; a multiple of lanes
  lanes: u32,
  sourcePlanes: u32, // of x: as many as the output has, or those of one candidate, read again by every candidate
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> mask: array<f32>; // [candidates, channels]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let plane = index / params.lanes;
  if (plane >= params.planes) {
    return;
  }
  let lane = index % params.lanes;
  let factor = mask[(plane / params.perCandidate) * params.channels + plane % params.channels];
  let origin = (plane % params.sourcePlanes) * params.vectors;
  let to = plane * params.vectors;
  for (var i = lane; i < params.vectors; i += params.lanes) {
    y[to + i] = x[origin + i] * factor;
  }
}

// For the CPU device, where four invocations are the lanes of a vector: a workgroup has `lanes` planes. [64, 64, 16, 16] takes 0.39 ms on one
// thread of the `cpu` adapter (Xeon) instead of 1.6.
@compute @workgroup_size(4)
fn wide(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let begin = min((group.x + group.y * groups.x) * p.lanes, p.planes);
  let end = min(begin + p.lanes, p.planes);
  let whole = p.vectors & 0xfffffffcu;
  for (var plane = begin; plane < end; plane++) {
    let factor = mask[(plane / p.perCandidate) * p.channels + plane % p.channels];
    let origin = (plane % p.sourcePlanes) * p.vectors;
    let to = plane * p.vectors;
    for (var i = 0u; i < whole; i += 4u) {
      y[to + i + lane] = x[origin + i + lane] * factor;
    }
    if (whole + lane < p.vectors) {
      y[to + whole + lane] = x[origin + whole + lane] * factor;
    }
  }
}
