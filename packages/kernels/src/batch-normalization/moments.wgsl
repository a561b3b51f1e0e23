// Combines the parts of a channel (statistics.wgsl) into its mean and variance: M2 = sum of parts' M2 + sum of n_i (mean_i - mean)^2,
// the exact identity behind Chan's parallel variance. Included before the entry points that use them.
//
// One workgroup per channel. Software adapters run it with lanes = 1: barriers are dear there, and the parts few.

override lanes: u32 = 64u;

struct Params {
  channels: u32,
  entries: u32, // parts' values per channel
  entriesPerPart: u32,
  parts: u32,
  count: u32, // elements behind an entry
  lastCount: u32, // the same in the last part
  epsilon: f32,
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> means: array<f32>;
@group(0) @binding(2) var<storage, read_write> squares: array<f32>;

var<workgroup> shared_sums: array<f32, lanes>;

/** The sum over the workgroup, in a fixed order. */
fn total(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  shared_sums[lane] = value;
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      shared_sums[lane] += shared_sums[lane + half];
    }
  }
  workgroupBarrier();
  return shared_sums[0];
}

fn countOf(entry: u32) -> f32 {
  return f32(select(params.count, params.lastCount, entry / params.entriesPerPart == params.parts - 1u));
}

fn elements() -> f32 {
  return f32(params.entriesPerPart) * (f32(params.count) * f32(params.parts - 1u) + f32(params.lastCount));
}

/** Mean and biased variance of a channel. */
fn moments(channel: u32, lane: u32) -> vec2f {
  let base = channel * params.entries;
  let origin = means[base];
  var deviation = 0.0;
  for (var i = lane; i < params.entries; i += lanes) {
    deviation += countOf(i) * (means[base + i] - origin);
  }
  let mean = origin + total(lane, deviation) / elements();
  var square = 0.0;
  for (var i = lane; i < params.entries; i += lanes) {
    let between = means[base + i] - mean;
    square += squares[base + i] + countOf(i) * between * between;
  }
  return vec2f(mean, max(0.0, total(lane, square) / elements()));
}
