// Four weights by four loads, for adapters without subgroups.
struct Lane { @builtin(local_invocation_index) local: u32 }
fn weights4(index: u32, stride: u32, lane: Lane) -> vec4f {
  return vec4f(weights[index], weights[index + stride], weights[index + 2 * stride], weights[index + 3 * stride]);
}

alias Places = vec4u;
fn placesOf(four: vec4u, lane: Lane) -> Places { return four; }
fn weightsAt(base: u32, places: Places) -> vec4f {
  return vec4f(weights[base + places.x], weights[base + places.y], weights[base + places.z], weights[base + places.w]);
}
