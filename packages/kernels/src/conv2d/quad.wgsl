enable subgroups;
// Four weights for the price of one load: each lane of a quad loads one, and they tell each other. On software adapters
// a load costs as much as 40 multiply-adds; a quad broadcast costs 1 (lavapipe) to 6 (SwiftShader).
// The four lanes must be in the same control flow and ask for the same weights.
struct Lane {
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) subgroup: u32,
}
fn weights4(index: u32, stride: u32, lane: Lane) -> vec4f {
  let own = weights[index + (lane.subgroup & 3) * stride];
  return vec4f(quadBroadcast(own, 0), quadBroadcast(own, 1), quadBroadcast(own, 2), quadBroadcast(own, 3));
}
