// Depthwise 3 x 3 convolution of stride 2 and dilation 1: each invocation walks down 4 columns of 8 rows of one channel. An even input row is
// the last of one row of outputs and the first of the next, an odd one the middle of one: 18 inputs serve 36 multiply-adds.
struct Row {
  even: vec4f, // columns 0, 2, 4, 6
  odd: vec4f, // columns 1, 3, 5, 7
  last: f32, // column 8
}

fn rowAt(base: u32, ix: u32, inside: bool) -> Row {
  let w = params.w;
  let even = vec4f(x[base], x[base + 2], x[base + 4], x[base + 6]);
  let odd = vec4f(x[base + 1], x[base + 3], x[base + 5], x[base + 7]);
  let columns = vec4u(ix, ix + 2, ix + 4, ix + 6);
  return Row(
    select(vec4f(), even, (columns < vec4u(w)) & vec4<bool>(inside)),
    select(vec4f(), odd, (columns + vec4u(1) < vec4u(w)) & vec4<bool>(inside)),
    select(0, x[base + 8], ix + 8 < w && inside),
  );
}

fn taps(sum: vec4f, row: Row, weight: vec3f) -> vec4f {
  return sum + row.even * weight.x + row.odd * weight.y + vec4f(row.even.yzw, row.last) * weight.z;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let p = params;
  let tilesX = (p.ow + 3) / 4;
  let tiles = tilesX * ((p.oh + 7) / 8);
  if (id.x >= p.n * p.m * tiles) { return; }
  let firstRow = id.x % tiles / tilesX * 8;
  let ox = id.x % tilesX * 4;
  let m = id.x / tiles % p.m;
  let n = id.x / (tiles * p.m);
  let outputs = p.m / p.group;

  let start = p.weightBase + m / outputs * p.weightGroup + m % outputs * p.weightOut;
  let w0 = vec3f(weights[start], weights[start + p.weightX], weights[start + 2 * p.weightX]);
  let start1 = start + p.weightY;
  let w1 = vec3f(weights[start1], weights[start1 + p.weightX], weights[start1 + 2 * p.weightX]);
  let start2 = start1 + p.weightY;
  let w2 = vec3f(weights[start2], weights[start2 + p.weightX], weights[start2 + 2 * p.weightX]);

  let ix = 2 * ox - p.left;
  var iy = 2 * firstRow - p.top;
  var base = ((n * p.c + m / outputs) * p.h + iy) * p.w + ix;
  var at = ((n * p.m + m) * p.oh + firstRow) * p.ow + ox;
  let offset = biasOf(m);
  var sum = taps(vec4f(), rowAt(base, ix, iy < p.h), w0);
  for (var i = 0u; i < min(8, p.oh - firstRow); i++) {
    let middle = rowAt(base + p.w, ix, iy + 1 < p.h);
    iy += 2;
    base += 2 * p.w;
    let row = rowAt(base, ix, iy < p.h);
    let done = taps(taps(sum, middle, w1), row, w2);
    sum = taps(vec4f(), row, w0);
    finish(done.x, offset, n, m, at);
    if (ox + 1 < p.ow) { finish(done.y, offset, n, m, at + 1); }
    if (ox + 2 < p.ow) { finish(done.z, offset, n, m, at + 2); }
    if (ox + 3 < p.ow) { finish(done.w, offset, n, m, at + 3); }
    at += p.ow;
  }
}
