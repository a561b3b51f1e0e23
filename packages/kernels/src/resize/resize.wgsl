// Resizing over rows and columns: y[o] = sum of taps' weights x, the taps of each axis being 1 (nearest), 2 (linear) or 4 (cubic, Keys 1981).
// Its gradient gathers: each input looks for the outputs that read it, so that no atomics are needed and the order of sums is fixed.

struct Params {
  planes: u32, // images x channels
  height: i32,
  width: i32,
  outHeight: i32,
  outWidth: i32,
  taps: i32,
  nearest: u32, // 0 round_prefer_floor, 1 round_prefer_ceil, 2 floor, 3 ceil
  excludeOutside: u32,
  lanes: u32, // invocations that share a row of what is written
  shift: vec2<f32>, // output o, of rows and of columns, lies at (o + shift) * ratio + offset in the input
  ratio: vec2<f32>,
  offset: vec2<f32>,
  cubic: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>; // or dy
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // or dx

struct Taps {
  first: i32,
  weights: vec4f,
}

fn near(s: f32) -> f32 {
  return ((params.cubic + 2.0) * s - (params.cubic + 3.0)) * s * s + 1.0;
}

fn far(s: f32) -> f32 {
  let a = params.cubic;
  return ((a * s - 5.0 * a) * s + 8.0 * a) * s - 4.0 * a;
}

fn tapsOf(o: i32, size: i32, shift: f32, ratio: f32, offset: f32) -> Taps {
  let coordinate = (f32(o) + shift) * ratio + offset;
  if (params.taps == 1) {
    // What is meant to be whole or a half, but for rounding, is.
    let half = round(2.0 * coordinate) / 2.0;
    let at = select(coordinate, half, abs(coordinate - half) <= 1e-6 * max(1.0, abs(coordinate)));
    var nearest = 0.0;
    switch params.nearest {
      case 0u: { nearest = ceil(at - 0.5); }
      case 1u: { nearest = floor(at + 0.5); }
      case 2u: { nearest = floor(at); }
      default: { nearest = ceil(at); }
    }
    return Taps(i32(nearest), vec4f(1.0, 0.0, 0.0, 0.0));
  }
  let first = floor(coordinate);
  let t = coordinate - first;
  if (params.taps == 2) {
    return Taps(i32(first), vec4f(1.0 - t, t, 0.0, 0.0));
  }
  var found = Taps(i32(first) - 1, vec4f(far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)));
  if (params.excludeOutside != 0u) {
    let at = vec4<i32>(found.first) + vec4<i32>(0, 1, 2, 3);
    found.weights = select(vec4f(), found.weights, (at >= vec4<i32>(0)) & (at < vec4<i32>(size)));
    found.weights /= dot(found.weights, vec4f(1.0));
  }
  return found;
}

fn row(o: i32) -> Taps {
  return tapsOf(o, params.height, params.shift.x, params.ratio.x, params.offset.x);
}

fn column(o: i32) -> Taps {
  return tapsOf(o, params.width, params.shift.y, params.ratio.y, params.offset.y);
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let outRow = index / params.lanes;
  if (outRow >= params.planes * u32(params.outHeight)) {
    return;
  }
  let plane = i32(outRow) / params.outHeight;
  let down = row(i32(outRow) - plane * params.outHeight);
  for (var o = i32(index - outRow * params.lanes); o < params.outWidth; o += i32(params.lanes)) {
    let across = column(o);
    var sum = 0.0;
    for (var i = 0; i < params.taps; i++) {
      let base = (plane * params.height + clamp(down.first + i, 0, params.height - 1)) * params.width;
      for (var j = 0; j < params.taps; j++) {
        sum += down.weights[i] * across.weights[j] * x[base + clamp(across.first + j, 0, params.width - 1)];
      }
    }
    y[i32(outRow) * params.outWidth + o] = sum;
  }
}

/** How much of input `at` is in an output. */
fn weightOf(at: i32, size: i32, taps: Taps) -> f32 {
  var weight = 0.0;
  for (var i = 0; i < params.taps; i++) {
    weight += select(0.0, taps.weights[i], clamp(taps.first + i, 0, size - 1) == at);
  }
  return weight;
}

/** Outputs that may read input `at`: first and one past the last, one more on each side than rounding needs. */
fn readers(at: i32, size: i32, out: i32, shift: f32, ratio: f32, offset: f32) -> vec2<i32> {
  let reach = select(1.0, 2.0, params.taps == 4);
  let first = i32(floor((f32(at) - reach - offset) / ratio - shift)) - 1;
  let last = i32(ceil((f32(at) + reach - offset) / ratio - shift)) + 1;
  let whole = ratio == 0.0;
  // The edges stand for everything beyond them, too.
  return vec2<i32>(select(max(0, first), 0, whole || at == 0), select(min(out, last + 1), out, whole || at == size - 1));
}

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let inRow = index / params.lanes;
  if (inRow >= params.planes * u32(params.height)) {
    return;
  }
  let plane = i32(inRow) / params.height;
  let h = i32(inRow) - plane * params.height;
  let rows = readers(h, params.height, params.outHeight, params.shift.x, params.ratio.x, params.offset.x);
  for (var w = i32(index - inRow * params.lanes); w < params.width; w += i32(params.lanes)) {
    let columns = readers(w, params.width, params.outWidth, params.shift.y, params.ratio.y, params.offset.y);
    var sum = 0.0;
    for (var i = rows.x; i < rows.y; i++) {
      let down = weightOf(h, params.height, row(i));
      if (down == 0.0) {
        continue;
      }
      for (var j = columns.x; j < columns.y; j++) {
        let weight = down * weightOf(w, params.width, column(j));
        if (weight != 0.0) {
          sum += weight * x[(plane * params.outHeight + i) * params.outWidth + j];
        }
      }
    }
    y[i32(inRow) * params.width + w] = sum;
  }
}
