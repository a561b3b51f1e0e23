// Convolution with few outputs per group (depthwise), where tiles of outputs would stand empty: each invocation computes
// 8 pixels of one channel. Any kernel, stride and dilation.
fn inputs4(at: vec4u, inside: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let p = params;
  let pixels = p.gridH * p.gridW; // of an image: all 8 are of one channel
  let tiles = (pixels + 7) / 8;
  if (id.x >= p.n * p.m * tiles) { return; }
  let first = id.x % tiles * 8;
  let m = id.x / tiles % p.m;
  let n = id.x / (tiles * p.m);
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let group = m / outputs;
  let plane = p.h * p.w;

  let pixelA = vec4u(first, first + 1, first + 2, first + 3);
  let pixelB = pixelA + 4;
  let yA = pixelA / p.gridW * p.inStepY - p.top;
  let yB = pixelB / p.gridW * p.inStepY - p.top;
  let xA = pixelA % p.gridW * p.inStepX - p.left;
  let xB = pixelB % p.gridW * p.inStepX - p.left;
  let startA = (n * p.c + group * channels) * plane + yA * p.w + xA;
  let startB = (n * p.c + group * channels) * plane + yB * p.w + xB;
  let start = p.weightBase + group * p.weightGroup + m % outputs * p.weightOut;

  var a = vec4f();
  var b = vec4f();
  for (var ty = 0u; ty < p.tapsY; ty++) {
    let rowsA = yA + ty * p.tapY < vec4u(p.h);
    let rowsB = yB + ty * p.tapY < vec4u(p.h);
    for (var tx = 0u; tx < p.tapsX; tx++) {
      let insideA = rowsA & (xA + tx * p.tapX < vec4u(p.w));
      let insideB = rowsB & (xB + tx * p.tapX < vec4u(p.w));
      let offset = ty * p.tapY * p.w + tx * p.tapX;
      for (var c = 0u; c < channels; c++) {
        let weight = weights[start + ty * p.weightY + tx * p.weightX + c * p.weightIn];
        a += inputs4(startA + offset + c * plane, insideA) * weight;
        b += inputs4(startB + offset + c * plane, insideB) * weight;
      }
    }
  }
  let offset = biasOf(m);
  var sums = array<vec4f, 2>(a, b);
  var gy = first / p.gridW;
  var gx = first % p.gridW;
  for (var i = 0u; i < min(8, pixels - first); i++) {
    finish(sums[i / 4][i % 4], offset, n, m, ((n * p.m + m) * p.oh + gy * p.outStepY + p.outTop) * p.ow + gx * p.outStepX + p.outLeft);
    gx++;
    if (gx == p.gridW) {
      gx = 0;
      gy++;
    }
  }
}
