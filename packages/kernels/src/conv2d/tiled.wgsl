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
  let list = listOf(wg.z);
  let firstImage = wg.z * p.imagesPerCandidate;
  let pixels = imagesOfLayer() * p.gridH * p.gridW;
  let first = (wg.x * 64 + lane.local) * 8;
  let group = wg.y / p.chunks;
  let chunk = wg.y % p.chunks * 16;
  let outputs = p.m / p.group;
  let made = channelsMade(list);
  let channels = select(0, channelsRead(list), chunk < made);
  let plane = p.h * p.w;
  let places0 = placesOf(weightsOfFour(list, chunk), lane);
  let places1 = placesOf(weightsOfFour(list, chunk + 4), lane);
  let places2 = placesOf(weightsOfFour(list, chunk + 8), lane);
  let places3 = placesOf(weightsOfFour(list, chunk + 12), lane);

  // pixels a: 0-3, b: 4-7
  let pixelA = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(pixels - 1));
  let pixelB = min(vec4u(first + 4, first + 5, first + 6, first + 7), vec4u(pixels - 1));
  let yA = pixelA / p.gridW % p.gridH * p.inStepY - p.top;
  let yB = pixelB / p.gridW % p.gridH * p.inStepY - p.top;
  let xA = pixelA % p.gridW * p.inStepX - p.left;
  let xB = pixelB % p.gridW * p.inStepX - p.left;
  let startA = ((firstImage + pixelA / (p.gridW * p.gridH)) * p.c + group * (p.c / p.group)) * plane + yA * p.w + xA;
  let startB = ((firstImage + pixelB / (p.gridW * p.gridH)) * p.c + group * (p.c / p.group)) * plane + yB * p.w + xB;

  var a0 = mat4x4f(); var a1 = mat4x4f(); var a2 = mat4x4f(); var a3 = mat4x4f(); // channels 0-3, 4-7, 8-11, 12-15
  var b0 = mat4x4f(); var b1 = mat4x4f(); var b2 = mat4x4f(); var b3 = mat4x4f();
  for (var ty = 0u; ty < p.tapsY; ty++) {
    let rowsA = yA + ty * p.tapY < vec4u(p.h);
    let rowsB = yB + ty * p.tapY < vec4u(p.h);
    for (var tx = 0u; tx < p.tapsX; tx++) {
      let insideA = rowsA & (xA + tx * p.tapX < vec4u(p.w));
      let insideB = rowsB & (xB + tx * p.tapX < vec4u(p.w));
      let tap = ty * p.tapY * p.w + tx * p.tapX;
      let weightOfTap = p.weightBase + group * p.weightGroup + ty * p.weightY + tx * p.weightX;
      var atA = startA + tap;
      var atB = startB + tap;
      var weight = weightOfTap;
      for (var i = 0u; i < channels; i++) {
        if (listed) {
          let c = channelRead(list, i);
          atA = startA + tap + c * plane;
          atB = startB + tap + c * plane;
          weight = weightOfTap + c * p.weightIn;
        }
        let inA = inputs4(atA, insideA);
        let inB = inputs4(atB, insideB);
        let w0 = weightsAt(weight, places0);
        let w1 = weightsAt(weight, places1);
        let w2 = weightsAt(weight, places2);
        let w3 = weightsAt(weight, places3);
        a0 = outer(a0, inA, w0); a1 = outer(a1, inA, w1); a2 = outer(a2, inA, w2); a3 = outer(a3, inA, w3);
        b0 = outer(b0, inB, w0); b1 = outer(b1, inB, w1); b2 = outer(b2, inB, w2); b3 = outer(b3, inB, w3);
        if (!listed) {
          atA += vec4u(plane);
          atB += vec4u(plane);
          weight += p.weightIn;
        }
      }
    }
  }
  // One copy of the epilogue in loops: unrolled it takes a minute to compile on lavapipe.
  var sums = array<mat4x4f, 8>(a0, a1, a2, a3, b0, b1, b2, b3);
  for (var j = 0u; j < min(16, outputs - chunk); j++) {
    let m = group * outputs + channelMade(list, chunk + j);
    let offset = biasOf(m);
    var n = firstImage + first / (p.gridW * p.gridH);
    var gy = first / p.gridW % p.gridH;
    var gx = first % p.gridW;
    for (var i = 0u; i < min(8, pixels - min(pixels, first)); i++) {
      let at = ((n * p.m + m) * p.oh + gy * p.outStepY + p.outTop) * p.ow + gx * p.outStepX + p.outLeft;
      if (!listed || chunk + j < made) { finish(sums[i / 4 * 4 + j / 4][i % 4][j % 4], offset, n, m, at); } else { y[at] = 0; }
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
