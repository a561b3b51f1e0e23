// y = the mean of each window. It divides by the window's elements inside of x or, when padding counts, inside of the padded x.

struct Params {
  rows: u32, // images x channels x outHeight
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: u32,
  strideX: u32,
  dilationY: u32,
  dilationX: u32,
  padTop: u32,
  padLeft: u32,
  lanes: u32, // invocations that share an output row
  // What counts of the padded height and width: begin and end, measured from the padding's edge.
  countTop: u32,
  countBottom: u32,
  countLeft: u32,
  countRight: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let plane = row / params.outHeight;
  let top = (row - plane * params.outHeight) * params.strideY;
  for (var column = index - row * params.lanes; column < params.outWidth; column += params.lanes) {
    var sum = 0.0;
    var count = 0u;
    for (var i = 0u; i < params.kernelHeight; i++) {
      let at = top + i * params.dilationY;
      let h = at - params.padTop; // wraps around above x
      let counted = at >= params.countTop && at < params.countBottom;
      let base = (plane * params.height + min(h, params.height - 1u)) * params.width;
      var left = column * params.strideX;
      for (var j = 0u; j < params.kernelWidth; j++) {
        let w = left - params.padLeft;
        let inside = h < params.height && w < params.width;
        sum += select(0.0, x[base + min(w, params.width - 1u)], inside);
        count += select(0u, 1u, counted && left >= params.countLeft && left < params.countRight);
        left += params.dilationX;
      }
    }
    y[row * params.outWidth + column] = sum / f32(max(1u, count));
  }
}
