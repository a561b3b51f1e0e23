// Adds top-1 hits to a counter per candidate: one invocation goes over the images of one candidate (few of both), in integers.

struct Params {
  candidates: u32,
  batch: u32,
  classes: u32,
  hasValid: u32,
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
    var correct = !isNan(own);
    for (var k = 0u; k < params.classes; k++) {
      let other = logits[row + k];
      // The lowest index wins a tie; a NaN anywhere in the row is never a hit.
      if (isNan(other) || other > own || (other == own && k < label)) {
        correct = false;
        break;
      }
    }
    hits += select(0u, 1u, correct);
  }
  accumulator[p] += hits;
}
