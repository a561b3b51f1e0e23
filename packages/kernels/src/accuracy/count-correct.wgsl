// Adds top-k hits to a counter per candidate: one invocation goes over the images of one candidate (few of both), in integers.

struct Params {
  candidates: u32,
  batch: u32,
  classes: u32,
  hasValid: u32,
  k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>; // [candidates * batch, classes]
@group(0) @binding(2) var<storage, read_write> labels: array<u32>; // [batch]
@group(0) @binding(3) var<storage, read_write> accumulator: array<u32>; // [candidates]
@group(0) @binding(4) var<storage, read_write> valid: array<u32>;

/** On bits: comparisons with NaN may be optimised away. */
fn isNan(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let p = id.x;
  if (p >= params.candidates) {
    return;
  }
  var images = params.batch;
  if (params.hasValid != 0u) {
    images = min(images, valid[0]);
  }
  var hits = 0u;
  for (var b = 0u; b < images; b++) {
    let row = (p * params.batch + b) * params.classes;
    let label = labels[b];
    if (label >= params.classes) {
      continue;
    }
    let own = logits[row + label];
    // Classes that come before the label: the lowest index wins a tie, and a NaN anywhere in the row is never a hit.
    var before = select(0u, params.k, isNan(own));
    for (var k = 0u; k < params.classes; k++) {
      let other = logits[row + k];
      before += select(select(0u, params.k, isNan(other)), 1u, other > own || (other == own && k < label));
    }
    hits += select(0u, 1u, before < params.k);
  }
  accumulator[p] += hits;
}
