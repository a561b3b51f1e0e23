// For the CPU device, joined to kernels that go over elements one by one: `element(i)` for a run of 4 x `each` of them, four at a time. Lanes are neighbours
// in memory, so that loads and stores of single elements are those of vectors, and bounds are looked at in front of the loop: for a sum of two tensors of
// 2 MiB 30 GB/s on one thread of the `cpu` adapter (Xeon), where runs of vec4f, which must be taken apart, have 25.
@compute @workgroup_size(4)
fn wide(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = min((group.x + group.y * groups.x) * 4u * params.each, params.vectors);
  let end = min(begin + 4u * params.each, params.vectors);
  let whole = begin + (end - begin) / 4u * 4u;
  for (var i = begin; i < whole; i += 4u) {
    element(i + lane);
  }
  if (whole + lane < end) {
    element(whole + lane);
  }
}
