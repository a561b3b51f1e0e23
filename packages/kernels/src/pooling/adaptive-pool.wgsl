// Mean over bins floor(i H / h) .. ceil((i + 1) H / h), which may share elements; and its gradient, in which every element sums the bins
// that hold it: by the same formula, H and h exchanged.

struct Params {
  planes: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>; // or dy
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // or dx

/** Begin and end of bin i of `bins` over `size`. */
fn range(i: u32, size: u32, bins: u32) -> vec2<u32> {
  return vec2<u32>(i * size / bins, ((i + 1u) * size + bins - 1u) / bins);
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.outWidth;
  let plane = row / params.outHeight;
  if (plane >= params.planes) {
    return;
  }
  let rows = range(row % params.outHeight, params.height, params.outHeight);
  let columns = range(index % params.outWidth, params.width, params.outWidth);
  var sum = 0.0;
  for (var h = rows.x; h < rows.y; h++) {
    let base = (plane * params.height + h) * params.width;
    for (var w = columns.x; w < columns.y; w++) {
      sum += x[base + w];
    }
  }
  y[index] = sum / f32((rows.y - rows.x) * (columns.y - columns.x));
}

fn count(i: u32, size: u32, bins: u32) -> f32 {
  let bin = range(i, size, bins);
  return f32(bin.y - bin.x);
}

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.width;
  let plane = row / params.height;
  if (plane >= params.planes) {
    return;
  }
  let rows = range(row % params.height, params.outHeight, params.height);
  let columns = range(index % params.width, params.outWidth, params.width);
  var sum = 0.0;
  for (var i = rows.x; i < rows.y; i++) {
    let base = (plane * params.outHeight + i) * params.outWidth;
    let inRow = count(i, params.height, params.outHeight);
    for (var j = columns.x; j < columns.y; j++) {
      sum += x[base + j] / (inRow * count(j, params.width, params.outWidth));
    }
  }
  y[index] = sum;
}
