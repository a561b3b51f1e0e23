// Gradients of pooling: dx[i] = factor x (sum of dy over the windows that contain i or, with MAXIMA, whose maximum stands at i).
// A gather, so that overlapping windows need no atomics and the order of sums is fixed.

override MAXIMA: bool = false;

struct Params {
  rows: u32, // images x channels x height
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  strideY: u32,
  strideX: u32,
  dilationY: u32,
  dilationX: u32,
  spanY: u32, // (kernel - 1) dilation + 1
  spanX: u32,
  padTop: u32,
  padLeft: u32,
  lanes: u32, // invocations that share a row of x
  lanesQuotient: u32, // lanes / strideX and
  lanesRemainder: u32, // lanes % strideX, so that no element divides
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> positions: array<u32>; // of each window's maximum in x
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let plane = row / params.height;
  let y = row - plane * params.height + params.padTop;
  // Windows that reach this row: ceil((y - span + 1) / stride) to y / stride.
  let firstY = select(0u, (y + params.strideY - params.spanY) / params.strideY, y >= params.spanY);
  let lastY = min(y / params.strideY + 1u, params.outHeight);
  let lane = index - row * params.lanes;
  var quotient = (lane + params.padLeft) / params.strideX;
  var remainder = (lane + params.padLeft) % params.strideX;
  let reach = (params.spanX - 1u) / params.strideX;
  let rest = (params.spanX - 1u) % params.strideX;
  for (var column = lane; column < params.width; column += params.lanes) {
    let back = reach - select(0u, 1u, remainder > rest);
    let firstX = quotient - min(quotient, back);
    // Between two windows, when strides are greater than spans, back is -1: nothing reaches there.
    let lastX = select(min(quotient + 1u, params.outWidth), 0u, back == 0xffffffffu);
    var sum = 0.0;
    for (var i = firstY; i < lastY; i++) {
      for (var j = firstX; j < lastX; j++) {
        let window = (plane * params.outHeight + i) * params.outWidth + j;
        if (MAXIMA) {
          sum += select(0.0, dy[window], positions[window] == row * params.width + column);
        } else if (params.dilationY == 1u && params.dilationX == 1u) {
          sum += dy[window];
        } else {
          let hit = (y - i * params.strideY) % params.dilationY == 0u && (column + params.padLeft - j * params.strideX) % params.dilationX == 0u;
          sum += select(0.0, dy[window], hit);
        }
      }
    }
    dx[row * params.width + column] = params.factor * sum;
    quotient += params.lanesQuotient;
    remainder += params.lanesRemainder;
    if (remainder >= params.strideX) {
      remainder -= params.strideX;
      quotient++;
    }
  }
}
