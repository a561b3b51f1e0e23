enable subgroups;
// How many channels a list has is read from memory: the analysis cannot see that all lanes read the same number.
diagnostic(off, subgroup_uniformity);
// Four weights for the price of one load: each lane of a quad loads one, and they tell each other. On software adapters
// a load costs as much as 40 multiply-adds; a quad broadcast costs 1 (lavapipe) to 6 (SwiftShader).
// The four lanes must be in the same control flow and ask for the same weights.
struct Lane {
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) subgroup: u32,
}
fn weights4(index: u32, stride: u32, lane: Lane) -> vec4f {
  return shared4(weights[index + (lane.subgroup & 3) * stride]);
}
fn shared4(own: f32) -> vec4f {
  return vec4f(quadBroadcast(own, 0), quadBroadcast(own, 1), quadBroadcast(own, 2), quadBroadcast(own, 3));
}

// The same for four places at no fixed distance: what a lane has to know of them.
alias Places = u32;
fn placesOf(four: vec4u, lane: Lane) -> Places { return four[lane.subgroup & 3]; }
fn weightsAt(base: u32, places: Places) -> vec4f { return shared4(weights[base + places]); }
