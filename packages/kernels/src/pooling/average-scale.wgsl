// scaled = dy / count for average pooling whose windows differ in how many elements they count (those at the borders).

struct Params {
  rows: u32, // images x channels x outHeight
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: u32,
  strideX: u32,
  dilationY: u32,
  dilationX: u32,
  lanes: u32, // invocations that share a row
  // What counts of the padded height and width: begin and end, measured from the padding's edge.
  countTop: u32,
  countBottom: u32,
  countLeft: u32,
  countRight: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> scaled: array<f32>;

/** How many of a window's taps count, along one axis. */
fn taps(begin: u32, kernel: u32, dilation: u32, low: u32, high: u32) -> u32 {
  var count = 0u;
  for (var i = 0u; i < kernel; i++) {
    let at = begin + i * dilation;
    count += select(0u, 1u, at >= low && at < high);
  }
  return count;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let top = (row % params.outHeight) * params.strideY;
  let rowTaps = taps(top, params.kernelHeight, params.dilationY, params.countTop, params.countBottom);
  for (var column = index % params.lanes; column < params.outWidth; column += params.lanes) {
    let count = rowTaps * taps(column * params.strideX, params.kernelWidth, params.dilationX, params.countLeft, params.countRight);
    scaled[row * params.outWidth + column] = dy[row * params.outWidth + column] / f32(max(1u, count));
  }
}
