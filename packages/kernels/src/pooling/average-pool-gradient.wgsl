// dx[i] = sum of dy / count over the windows that contain i: a gather over the windows that may reach i.

struct Params {
  rows: u32, // images x channels x height
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
  lanes: u32, // invocations that share a row of x
  // What counts of the padded height and width: begin and end, measured from the padding's edge.
  countTop: u32,
  countBottom: u32,
  countLeft: u32,
  countRight: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

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
  let plane = row / params.height;
  let y = row - plane * params.height + params.padTop;
  let spanY = (params.kernelHeight - 1u) * params.dilationY + 1u;
  let spanX = (params.kernelWidth - 1u) * params.dilationX + 1u;
  let firstY = select(0u, (y + params.strideY - spanY) / params.strideY, y >= spanY);
  let lastY = min(y / params.strideY + 1u, params.outHeight);
  for (var column = index - row * params.lanes; column < params.width; column += params.lanes) {
    let x = column + params.padLeft;
    let firstX = select(0u, (x + params.strideX - spanX) / params.strideX, x >= spanX);
    let lastX = min(x / params.strideX + 1u, params.outWidth);
    var sum = 0.0;
    for (var i = firstY; i < lastY; i++) {
      let rowTaps = taps(i * params.strideY, params.kernelHeight, params.dilationY, params.countTop, params.countBottom);
      for (var j = firstX; j < lastX; j++) {
        let count = rowTaps * taps(j * params.strideX, params.kernelWidth, params.dilationX, params.countLeft, params.countRight);
        let hit = (y - i * params.strideY) % params.dilationY == 0u && (x - j * params.strideX) % params.dilationX == 0u;
        sum += select(0.0, dy[(plane * params.outHeight + i) * params.outWidth + j] / f32(max(1u, count)), hit);
      }
    }
    dx[row * params.width + column] = sum;
  }
}
