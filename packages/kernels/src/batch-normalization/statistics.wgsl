// Mean and sum of squared deviations of parts of each channel: the first half of batch normalisation's statistics.
//
// A team of `lanes` invocations takes `imagesPerPart` images of one channel; each lane takes every `lanes`-th vector, so that
// neighbours read neighbours. Each component of the vector is a part of its own. Deviations are from the part's
// first value: one pass over memory, and no cancellation where the mean is large and the variance small.

struct Params {
  images: u32, // of a candidate
  channels: u32,
  vectors: u32, // per plane (one image's channel); a multiple of lanes
  lanes: u32,
  imagesPerPart: u32,
  parts: u32, // teams per channel
  candidates: u32, // their images follow one another; each has statistics of its own
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> means: array<vec4f>; // [candidates, channels, parts, lanes]
@group(0) @binding(3) var<storage, read_write> squares: array<vec4f>; // [candidates, channels, parts, lanes]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let lane = index % params.lanes;
  let team = index / params.lanes;
  let channel = team % params.channels;
  let candidate = team / params.channels / params.parts;
  if (candidate >= params.candidates) {
    return;
  }
  let part = team / params.channels % params.parts;
  let start = candidate * params.images;
  let first = start + part * params.imagesPerPart;
  let last = min(first + params.imagesPerPart, start + params.images);
  let origin = x[(first * params.channels + channel) * params.vectors + lane];
  var sum = vec4f();
  var square = vec4f();
  for (var image = first; image < last; image++) {
    let plane = (image * params.channels + channel) * params.vectors;
    for (var i = plane + lane; i < plane + params.vectors; i += params.lanes) {
      let deviation = x[i] - origin;
      sum += deviation;
      square += deviation * deviation;
    }
  }
  let count = f32((last - first) * (params.vectors / params.lanes));
  let mean = sum / count;
  let at = ((candidate * params.channels + channel) * params.parts + part) * params.lanes + lane;
  means[at] = origin + mean;
  squares[at] = square - sum * mean;
}
