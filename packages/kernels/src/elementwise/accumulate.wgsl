// accumulator[p, c] += sum over the first `valid` images of block p of x[p, image, ...], `columns` elements of each image going to one sum.
// One invocation per accumulator value, in four running sums: the tensors are losses and metrics, and small.

struct Params {
  sums: u32, // values of the accumulator
  sumsPerBlock: u32, // values per candidate
  images: u32, // per candidate
  columns: u32, // elements of an image that go to one sum
  hasValid: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> accumulator: array<f32>;
@group(0) @binding(3) var<storage, read_write> valid: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.sums) {
    return;
  }
  let block = index / params.sumsPerBlock;
  let column = index % params.sumsPerBlock;
  let images = select(params.images, min(params.images, valid[0]), params.hasValid != 0u);
  var sum = vec4f();
  for (var image = 0u; image < images; image++) {
    let base = ((block * params.images + image) * params.sumsPerBlock + column) * params.columns;
    for (var j = 0u; j < params.columns; j++) {
      sum[(image + j) % 4u] += x[base + j];
    }
  }
  accumulator[index] += (sum.x + sum.y) + (sum.z + sum.w);
}
