// Depthwise 3 x 3 convolution of stride and dilation 1: each invocation walks down 4 columns of 8 rows of one channel. Every
// input row goes into three rows of outputs, of which the uppermost is then complete: 6 inputs serve 36 multiply-adds.
fn taps(sum: vec4f, a: vec4f, b: vec2f, weight: vec3f) -> vec4f {
  return sum + a * weight.x + vec4f(a.yzw, b.x) * weight.y + vec4f(a.zw, b) * weight.z;
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

  let ix = ox - p.left;
  let left = vec4u(ix, ix + 1, ix + 2, ix + 3) < vec4u(p.w);
  let right = vec2u(ix + 4, ix + 5) < vec2u(p.w);
  var iy = firstRow - p.top;
  var base = ((n * p.c + m / outputs) * p.h + iy) * p.w + ix;
  var at = ((n * p.m + m) * p.oh + firstRow) * p.ow + ox; // of the row that is complete next
  let offset = biasOf(m);
  // sums of the rows that have seen 2 inputs, 1 input, none
  var two = vec4f();
  var one = vec4f();
  for (var i = 0u; i < min(8, p.oh - firstRow) + 2; i++) {
    let a = vec4f(x[base], x[base + 1], x[base + 2], x[base + 3]);
    let b = vec2f(x[base + 4], x[base + 5]);
    let inA = select(vec4f(), a, left & vec4<bool>(iy < p.h));
    let inB = select(vec2f(), b, right & vec2<bool>(iy < p.h));
    let sum = taps(two, inA, inB, w2);
    two = taps(one, inA, inB, w1);
    one = taps(vec4f(), inA, inB, w0);
    iy++;
    base += p.w;
    if (i >= 2) {
      finish(sum.x, offset, n, m, at);
      if (ox + 1 < p.ow) { finish(sum.y, offset, n, m, at + 1); }
      if (ox + 2 < p.ow) { finish(sum.z, offset, n, m, at + 2); }
      if (ox + 3 < p.ow) { finish(sum.w, offset, n, m, at + 3); }
      at += p.ow;
    }
  }
}
