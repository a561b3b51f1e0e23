// Four weights by four loads, for adapters without subgroups.
struct Lane { @builtin(local_invocation_index) local: u32 }
fn weights4(index: u32, stride: u32, lane: Lane) -> vec4f {
  return vec4f(weights[index], weights[index + stride], weights[index + 2 * stride], weights[index + 3 * stride]);
}
