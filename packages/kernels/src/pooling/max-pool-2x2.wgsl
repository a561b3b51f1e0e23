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

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let top = row * 2u * params.outWidth;
  for (var column = index - row * params.lanes; column < params.outWidth; column += params.lanes) {
    let rows = max(ordered(x[top + column]), ordered(x[top + params.outWidth + column]));
    let best = max(rows.x, rows.y);
    y[row * params.outWidth + column] = bitcast<u32>(best ^ ((best >> 31u) & 0x7fffffffi));
  }
}

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let top = row * 2u * params.outWidth;
  for (var column = index - row * params.lanes; column < params.outWidth; column += params.lanes) {
    let above = ordered(x[top + column]);
    let below = ordered(x[top + params.outWidth + column]);
    // The first of equals wins: >= towards what comes later.
    let isAbove = max(above.x, above.y) >= max(below.x, below.y);
    let bits = y[row * params.outWidth + column];
    dx[top + column] = select(vec2u(), vec2u(bits), vec2<bool>(isAbove && above.x >= above.y, isAbove && above.x < above.y));
    dx[top + params.outWidth + column] = select(vec2u(), vec2u(bits), vec2<bool>(!isAbove && below.x >= below.y, !isAbove && below.x < below.y));
  }
}
