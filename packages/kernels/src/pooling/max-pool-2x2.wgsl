// Max pooling and its gradient where 2 x 2 windows tile x exactly, the common case: an element of `x` is the half of a window, no bounds
// to look at, and the gradient needs one dispatch, because each window is owned by one invocation.

struct Params {
  rows: u32, // images x channels x outHeight
  outWidth: u32,
  lanes: u32, // invocations that share an output row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>; // y for `forward`, dy for `gradient`
@group(0) @binding(3) var<storage, read_write> dx: array<vec2u>;

/** As in max-pool.wgsl: orders floats by their bits, NaN above everything. */
fn ordered(bits: vec2u) -> vec2i {
  let value = bitcast<vec2i>(bits);
  let isNan = (bits & vec2u(0x7fffffffu)) > vec2u(0x7f800000u);
  return select(value ^ ((value >> vec2u(31u)) & vec2i(0x7fffffffi)), vec2i(0x7fffffffi), isNan);
}

/** y of a window whose upper left is the half at `top`, from the output at `to`. */
fn pool(top: u32, to: u32, width: u32) {
  let rows = max(ordered(x[top]), ordered(x[top + width]));
  let best = max(rows.x, rows.y);
  y[to] = bitcast<u32>(best ^ ((best >> 31u) & 0x7fffffffi));
}

fn spread(top: u32, to: u32, width: u32) {
  let above = ordered(x[top]);
  let below = ordered(x[top + width]);
  // The first of equals wins: >= towards what comes later.
  let isAbove = max(above.x, above.y) >= max(below.x, below.y);
  let bits = y[to];
  dx[top] = select(vec2u(), vec2u(bits), vec2<bool>(isAbove && above.x >= above.y, isAbove && above.x < above.y));
  dx[top + width] = select(vec2u(), vec2u(bits), vec2<bool>(!isAbove && below.x >= below.y, !isAbove && below.x < below.y));
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  for (var column = index - row * params.lanes; column < params.outWidth; column += params.lanes) {
    pool(row * 2u * params.outWidth + column, row * params.outWidth + column, params.outWidth);
  }
}

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  for (var column = index - row * params.lanes; column < params.outWidth; column += params.lanes) {
    spread(row * 2u * params.outWidth + column, row * params.outWidth + column, params.outWidth);
  }
}

// For the CPU device, where four invocations are the lanes of a vector: a workgroup has `lanes` rows of outputs, of at least four columns each; a row's
// last vector overlaps the one before. [64, 32, 32, 32] takes 1.2 ms on one thread of the `cpu` adapter (Xeon) instead of 2.7, the gradient 2.2 instead of 5.4.

@compute @workgroup_size(4)
fn forwardWide(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = params.outWidth;
  let begin = min((group.x + group.y * groups.x) * params.lanes, params.rows);
  let end = min(begin + params.lanes, params.rows);
  for (var row = begin; row < end; row++) {
    for (var i = 0u; i < (width & 0xfffffffcu); i += 4u) {
      pool(row * 2u * width + i + lane, row * width + i + lane, width);
    }
    if ((width & 3u) != 0u) {
      pool(row * 2u * width + width - 4u + lane, row * width + width - 4u + lane, width);
    }
  }
}

@compute @workgroup_size(4)
fn gradientWide(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = params.outWidth;
  let begin = min((group.x + group.y * groups.x) * params.lanes, params.rows);
  let end = min(begin + params.lanes, params.rows);
  for (var row = begin; row < end; row++) {
    for (var i = 0u; i < (width & 0xfffffffcu); i += 4u) {
      spread(row * 2u * width + i + lane, row * width + i + lane, width);
    }
    if ((width & 3u) != 0u) {
      spread(row * 2u * width + width - 4u + lane, row * width + width - 4u + lane, width);
    }
  }
}
