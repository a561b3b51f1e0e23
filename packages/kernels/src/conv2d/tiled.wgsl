// Convolution in tiles: any kernel, stride, dilation and groups. Each invocation computes 8 pixels of 16 channels, so that
// 8 inputs and 16 weights serve 128 multiply-adds. Pixels are counted through the whole batch: no size leaves lanes idle.
// Taps are the outer loop: what is padding is decided once per tap, not per channel.
fn inputs4(at: vec4u, inside: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

fn outer(sum: mat4x4f, values: vec4f, weight: vec4f) -> mat4x4f {
  return mat4x4f(sum[0] + values.x * weight, sum[1] + values.y * weight, sum[2] + values.z * weight, sum[3] + values.w * weight);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, lane: Lane) {
  let p = params;
  let pixels = p.n * p.gridH * p.gridW;
  let first = (wg.x * 64 + lane.local) * 8;
  let group = wg.y / p.chunks;
  let chunk = wg.y % p.chunks * 16;
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let plane = p.h * p.w;

  // pixels a: 0-3, b: 4-7
  let pixelA = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(pixels - 1));
  let pixelB = min(vec4u(first + 4, first + 5, first + 6, first + 7), vec4u(pixels - 1));
  let yA = pixelA / p.gridW % p.gridH * p.inStepY - p.top;
  let yB = pixelB / p.gridW % p.gridH * p.inStepY - p.top;
  let xA = pixelA % p.gridW * p.inStepX - p.left;
  let xB = pixelB % p.gridW * p.inStepX - p.left;
  let startA = (pixelA / (p.gridW * p.gridH) * p.c + group * channels) * plane + yA * p.w + xA;
  let startB = (pixelB / (p.gridW * p.gridH) * p.c + group * channels) * plane + yB * p.w + xB;

  var a0 = mat4x4f(); var a1 = mat4x4f(); var a2 = mat4x4f(); var a3 = mat4x4f(); // channels 0-3, 4-7, 8-11, 12-15
  var b0 = mat4x4f(); var b1 = mat4x4f(); var b2 = mat4x4f(); var b3 = mat4x4f();
  for (var ty = 0u; ty < p.tapsY; ty++) {
    let rowsA = yA + ty * p.tapY < vec4u(p.h);
    let rowsB = yB + ty * p.tapY < vec4u(p.h);
    for (var tx = 0u; tx < p.tapsX; tx++) {
      let insideA = rowsA & (xA + tx * p.tapX < vec4u(p.w));
      let insideB = rowsB & (xB + tx * p.tapX < vec4u(p.w));
      var atA = startA + ty * p.tapY * p.w + tx * p.tapX;
      var atB = startB + ty * p.tapY * p.w + tx * p.tapX;
      var weight = p.weightBase + group * p.weightGroup + chunk * p.weightOut + ty * p.weightY + tx * p.weightX;
      for (var c = 0u; c < channels; c++) {
        let inA = inputs4(atA, insideA);
        let inB = inputs4(atB, insideB);
        let w0 = weights4(weight, p.weightOut, lane);
        let w1 = weights4(weight + 4 * p.weightOut, p.weightOut, lane);
        let w2 = weights4(weight + 8 * p.weightOut, p.weightOut, lane);
        let w3 = weights4(weight + 12 * p.weightOut, p.weightOut, lane);
        a0 = outer(a0, inA, w0); a1 = outer(a1, inA, w1); a2 = outer(a2, inA, w2); a3 = outer(a3, inA, w3);
        b0 = outer(b0, inB, w0); b1 = outer(b1, inB, w1); b2 = outer(b2, inB, w2); b3 = outer(b3, inB, w3);
        atA += vec4u(plane);
        atB += vec4u(plane);
        weight += p.weightIn;
      }
    }
  }
  // One copy of the epilogue in loops: unrolled it takes a minute to compile on lavapipe.
  var sums = array<mat4x4f, 8>(a0, a1, a2, a3, b0, b1, b2, b3);
  for (var j = 0u; j < min(16, outputs - chunk); j++) {
    let m = group * outputs + chunk + j;
    let offset = biasOf(m);
    var n = first / (p.gridW * p.gridH);
    var gy = first / p.gridW % p.gridH;
    var gx = first % p.gridW;
    for (var i = 0u; i < min(8, pixels - min(pixels, first)); i++) {
      let at = ((n * p.m + m) * p.oh + gy * p.outStepY + p.outTop) * p.ow + gx * p.outStepX + p.outLeft;
      finish(sums[i / 4 * 4 + j / 4][i % 4][j % 4], offset, n, m, at);
      gx++;
      if (gx == p.gridW) {
        gx = 0;
        gy++;
        if (gy == p.gridH) {
          gy = 0;
          n++;
        }
      }
    }
  }
}
