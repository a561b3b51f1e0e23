// Depthwise 3 x 3 convolutions on the CPU device, where four invocations are the lanes of a vector: forward, and the gradients. With 96 channels of 32 x 32 and a batch of 32 the
// forward convolution takes 3.9 ms on one thread of the `cpu` adapter (Xeon) instead of 29, the gradient of its weights 5.2 instead of 53.
// A workgroup has whole channels of some images. It copies a plane (or a strip of its rows) with its padding to memory of its own, which is in the core's
// nearest cache, so that what follows reads whole vectors at any place and asks nothing. With a stride of 2 the copy parts even from odd columns: what a
// vector of outputs needs of a row then lies side by side as well.
// What loops and addresses depend on is read once, in front of all loops: then one test there replaces those at each load.

override STRIDE: u32 = 1u; // along the rows
override TILE: u32 = 2048u; // elements of the copy
override STRIPS = false;
// What the epilogue does: bias and activation, a residual, a mask, as in tile-params.wgsl.
override fused = false;
override adds = false;
override masks = false;

struct Params {
  images: u32,
  channels: u32,
  height: u32, // of what is copied
  width: u32,
  madeHeight: u32, // of what the copy is for: what is made, or dy of weight gradients
  madeWidth: u32, // at least 4, as is width with a stride of 1
  top: u32, // padding
  left: u32,
  strideY: u32,
  pitch: u32, // of a row of the copy
  half: u32, // where its odd columns are
  rows: u32, // made of one copy
  each: u32, // channels of a workgroup
  imagesEach: u32, // and images
  flags: u32, // 1 bias, 2 residual, 4 mask, 8 relu, 16 relu6, 32 weights are reversed
  imagesPerCandidate: u32,
  imagesPerSum: u32, // of weight gradients
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>; // dy for gradients of the input
@group(0) @binding(2) var<storage, read_write> weights: array<f32>; // dy for those of the weights
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> mask: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

var<workgroup> tile: array<f32, TILE>;

/** Which rows are copied for the outputs from row `first` on, and to which row of the copy. */
struct Rows {
  source: u32,
  target_: u32,
  count: u32,
  made: u32,
}

fn rowsFor(p: Params, first: u32) -> Rows {
  let made = min(p.rows, p.madeHeight - first);
  let begin = i32(first * p.strideY) - i32(p.top);
  let inside = max(begin, 0);
  let end = max(inside, min(begin + i32((made - 1u) * p.strideY + 3u), i32(p.height)));
  return Rows(u32(inside), u32(inside - begin), u32(end - inside), made);
}

/** What was a row in the strip before may be padding now. */
fn clear(p: Params, rows: Rows) {
  for (var i = 0u; i < rows.target_ * p.pitch; i++) {
    tile[i] = 0.0;
  }
  for (var i = (rows.target_ + rows.count) * p.pitch; i < ((rows.made - 1u) * p.strideY + 3u) * p.pitch; i++) {
    tile[i] = 0.0;
  }
}

fn fill(p: Params, plane: u32, rows: Rows, lane: u32) {
  if (STRIPS) {
    clear(p, rows);
  }
  var source = plane + rows.source * p.width;
  if (STRIDE == 1u) {
    var at = rows.target_ * p.pitch + p.left;
    let whole = p.width & 0xfffffffcu;
    for (var row = 0u; row < rows.count; row++) {
      for (var i = 0u; i < whole; i += 4u) {
        tile[at + i + lane] = x[source + i + lane];
      }
      if (whole < p.width) {
        tile[at + p.width - 4u + lane] = x[source + p.width - 4u + lane];
      }
      source += p.width;
      at += p.pitch;
    }
  } else {
    let pairs = p.width / 2u;
    let whole = pairs & 0xfffffffcu;
    let isOdd = p.left % 2u == 1u;
    var even = rows.target_ * p.pitch + p.left / 2u + select(0u, p.half, isOdd);
    var odd = rows.target_ * p.pitch + (p.left + 1u) / 2u + select(p.half, 0u, isOdd);
    for (var row = 0u; row < rows.count; row++) {
      for (var i = 0u; i < whole; i += 4u) {
        tile[even + i + lane] = x[source + 2u * i + 2u * lane];
        tile[odd + i + lane] = x[source + 2u * i + 2u * lane + 1u];
      }
      for (var i = whole; i < pairs; i++) {
        tile[even + i] = x[source + 2u * i];
        tile[odd + i] = x[source + 2u * i + 1u];
      }
      if (2u * pairs < p.width) {
        tile[even + pairs] = x[source + 2u * pairs];
      }
      source += p.width;
      even += p.pitch;
      odd += p.pitch;
    }
  }
}

/** Three neighbours of a row of the copy, for the outputs from column `at` on. */
fn window(p: Params, at: u32, lane: u32) -> vec3f {
  if (STRIDE == 1u) {
    return vec3f(tile[at + lane], tile[at + 1u + lane], tile[at + 2u + lane]);
  }
  return vec3f(tile[at + lane], tile[at + p.half + lane], tile[at + 1u + lane]);
}

fn multiplyAdd(a: vec3f, w: vec3f, sum: f32) -> f32 {
  return a.z * w.z + (a.y * w.y + (a.x * w.x + sum));
}

struct Channel {
  w0: vec3f,
  w1: vec3f,
  w2: vec3f,
  offset: f32,
  factor: f32,
}

fn finish(p: Params, sum: f32, own: Channel, at: u32) {
  var value = sum;
  if (fused) { value += own.offset; }
  if (adds) { value += residual[at]; }
  if (fused) {
    if ((p.flags & 24u) != 0u) { value = max(value, 0.0); }
    if ((p.flags & 16u) != 0u) { value = min(value, 6.0); }
  }
  if (masks) { value *= own.factor; }
  y[at] = value;
}

/** Four columns of outputs downwards. With a stride of 1 every row that is read goes into three sums, of which the first is then complete. */
fn column(p: Params, start: u32, to: u32, rows: u32, own: Channel, lane: u32) {
  var at = start;
  var made = to;
  if (STRIDE == 1u) {
    let a = window(p, at, lane);
    let b = window(p, at + p.pitch, lane);
    var two = multiplyAdd(b, own.w1, multiplyAdd(a, own.w0, 0.0));
    var one = multiplyAdd(b, own.w0, 0.0);
    at += 2u * p.pitch;
    for (var row = 0u; row < rows; row++) {
      let c = window(p, at, lane);
      finish(p, multiplyAdd(c, own.w2, two), own, made + lane);
      two = multiplyAdd(c, own.w1, one);
      one = multiplyAdd(c, own.w0, 0.0);
      at += p.pitch;
      made += p.madeWidth;
    }
  } else {
    for (var row = 0u; row < rows; row++) {
      let first = multiplyAdd(window(p, at, lane), own.w0, 0.0);
      let second = multiplyAdd(window(p, at + p.pitch, lane), own.w1, first);
      finish(p, multiplyAdd(window(p, at + 2u * p.pitch, lane), own.w2, second), own, made + lane);
      at += p.strideY * p.pitch;
      made += p.madeWidth;
    }
  }
}

/** Outputs of the rows that are in the copy, the first of them at `to`. */
fn make(p: Params, to: u32, rows: u32, own: Channel, lane: u32) {
  let whole = p.madeWidth & 0xfffffffcu;
  for (var i = 0u; i < whole; i += 4u) {
    column(p, i, to + i, rows, own, lane);
  }
  if (whole < p.madeWidth) {
    // The last four, some of them once more.
    column(p, p.madeWidth - 4u, to + p.madeWidth - 4u, rows, own, lane);
  }
}

fn weightsOf(p: Params, channel: u32) -> Channel {
  let reversed = (p.flags & 32u) != 0u;
  let first = channel * 9u + select(0u, 8u, reversed);
  let step = select(1u, 0xffffffffu, reversed);
  let w0 = vec3f(weights[first], weights[first + step], weights[first + 2u * step]);
  let w1 = vec3f(weights[first + 3u * step], weights[first + 4u * step], weights[first + 5u * step]);
  let w2 = vec3f(weights[first + 6u * step], weights[first + 7u * step], weights[first + 8u * step]);
  var offset = 0.0;
  if (fused && (p.flags & 1u) != 0u) {
    offset = bias[channel];
  }
  return Channel(w0, w1, w2, offset, 1.0);
}

@compute @workgroup_size(4)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let plane = p.height * p.width;
  let madePlane = p.madeHeight * p.madeWidth;
  let channels = min((group.x + 1u) * p.each, p.channels);
  let images = min((group.y + 1u) * p.imagesEach, p.images);
  let all = rowsFor(p, 0u);
  for (var channel = group.x * p.each; channel < channels; channel++) {
    var own = weightsOf(p, channel);
    for (var image = group.y * p.imagesEach; image < images; image++) {
      let index = image * p.channels + channel;
      if (masks) {
        own.factor = mask[image / p.imagesPerCandidate * p.channels + channel];
      }
      if (STRIPS) {
        for (var first = 0u; first < p.madeHeight; first += p.rows) {
          let rows = rowsFor(p, first);
          fill(p, index * plane, rows, lane);
          workgroupBarrier();
          make(p, index * madePlane + first * p.madeWidth, rows.made, own, lane);
          workgroupBarrier();
        }
      } else {
        fill(p, index * plane, all, lane);
        workgroupBarrier();
        make(p, index * madePlane, all.made, own, lane);
        workgroupBarrier();
      }
    }
  }
}
