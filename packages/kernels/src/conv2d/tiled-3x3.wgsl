// 3 x 3 convolution of stride and dilation 1: each invocation computes 4 x 4 pixels of 8 channels, so that 36 inputs and
// 72 weights serve 1152 multiply-adds. The weights are read by strides: an input gradient is this convolution with
// channels exchanged and taps reversed.

struct Row { a: vec4f, b: vec2f }

fn row(base: u32, inside: bool, left: vec4<bool>, right: vec2<bool>) -> Row {
  let a = vec4f(x[base], x[base + 1], x[base + 2], x[base + 3]);
  let b = vec2f(x[base + 4], x[base + 5]);
  return Row(select(vec4f(), a, left & vec4<bool>(inside)), select(vec2f(), b, right & vec2<bool>(inside)));
}

struct Taps { w0: vec4f, w1: vec4f, w2: vec4f }

// A row of the kernel for 4 channels
fn weightRow(at: u32, places: Places) -> Taps {
  return Taps(weightsAt(at, places), weightsAt(at + params.weightX, places), weightsAt(at + 2 * params.weightX, places));
}

// 4 pixels (columns) x 4 channels (rows) of outputs, 3 taps of a row of inputs
fn taps(sum: mat4x4f, r: Row, t: Taps) -> mat4x4f {
  return mat4x4f(
    sum[0] + r.a.x * t.w0 + r.a.y * t.w1 + r.a.z * t.w2,
    sum[1] + r.a.y * t.w0 + r.a.z * t.w1 + r.a.w * t.w2,
    sum[2] + r.a.z * t.w0 + r.a.w * t.w1 + r.b.x * t.w2,
    sum[3] + r.a.w * t.w0 + r.b.x * t.w1 + r.b.y * t.w2,
  );
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, lane: Lane) {
  let p = params;
  let tilesX = (p.ow + 3) / 4;
  let tiles = tilesX * ((p.oh + 3) / 4);
  let index = wg.x * 64 + lane.local;
  let list = listOf(wg.z);
  let end = imagesOfLayer() * tiles;
  let tile = min(index, end - 1); // no early return: the lanes of a quad work together
  let n = wg.z * p.imagesPerCandidate + tile / tiles;
  let oy = tile % tiles / tilesX * 4;
  let ox = tile % tilesX * 4;
  let group = wg.y / p.chunks;
  let chunk = wg.y % p.chunks * 8;
  let outputs = p.m / p.group;
  let made = channelsMade(list);
  let channels = select(0, channelsRead(list), chunk < made);

  let iy = oy - p.top;
  let ix = ox - p.left;
  let left = vec4u(ix, ix + 1, ix + 2, ix + 3) < vec4u(p.w);
  let right = vec2u(ix + 4, ix + 5) < vec2u(p.w);
  let plane = p.h * p.w;
  let first = (n * p.c + group * (p.c / p.group)) * plane + iy * p.w + ix;
  let kernel = p.weightBase + group * p.weightGroup;
  var base = first;
  var weight = kernel;
  let low = placesOf(weightsOfFour(list, chunk), lane);
  let high = placesOf(weightsOfFour(list, chunk + 4), lane);

  var a0 = mat4x4f(); var a1 = mat4x4f(); var a2 = mat4x4f(); var a3 = mat4x4f(); // channels 0-3, rows 0-3
  var b0 = mat4x4f(); var b1 = mat4x4f(); var b2 = mat4x4f(); var b3 = mat4x4f(); // channels 4-7
  for (var i = 0u; i < channels; i++) {
    if (listed) {
      let c = channelRead(list, i);
      base = first + c * plane;
      weight = kernel + c * p.weightIn;
    }
    let r0 = row(base, iy < p.h, left, right);
    let r1 = row(base + p.w, iy + 1 < p.h, left, right);
    let r2 = row(base + 2 * p.w, iy + 2 < p.h, left, right);
    let r3 = row(base + 3 * p.w, iy + 3 < p.h, left, right);
    let r4 = row(base + 4 * p.w, iy + 4 < p.h, left, right);
    let r5 = row(base + 5 * p.w, iy + 5 < p.h, left, right);
    // No loop over ky: moving rows from variable to variable costs SwiftShader 45% of its speed.
    let ta0 = weightRow(weight, low);
    a0 = taps(a0, r0, ta0); a1 = taps(a1, r1, ta0); a2 = taps(a2, r2, ta0); a3 = taps(a3, r3, ta0);
    let tb0 = weightRow(weight, high);
    b0 = taps(b0, r0, tb0); b1 = taps(b1, r1, tb0); b2 = taps(b2, r2, tb0); b3 = taps(b3, r3, tb0);
    let ta1 = weightRow(weight + p.weightY, low);
    a0 = taps(a0, r1, ta1); a1 = taps(a1, r2, ta1); a2 = taps(a2, r3, ta1); a3 = taps(a3, r4, ta1);
    let tb1 = weightRow(weight + p.weightY, high);
    b0 = taps(b0, r1, tb1); b1 = taps(b1, r2, tb1); b2 = taps(b2, r3, tb1); b3 = taps(b3, r4, tb1);
    let ta2 = weightRow(weight + 2 * p.weightY, low);
    a0 = taps(a0, r2, ta2); a1 = taps(a1, r3, ta2); a2 = taps(a2, r4, ta2); a3 = taps(a3, r5, ta2);
    let tb2 = weightRow(weight + 2 * p.weightY, high);
    b0 = taps(b0, r2, tb2); b1 = taps(b1, r3, tb2); b2 = taps(b2, r4, tb2); b3 = taps(b3, r5, tb2);
    if (!listed) {
      base += plane;
      weight += p.weightIn;
    }
  }
  if (index >= end) { return; }
  // One copy of the epilogue in a loop: unrolled 32 times it takes a minute to compile on lavapipe.
  var sums = array<mat4x4f, 8>(a0, a1, a2, a3, b0, b1, b2, b3);
  for (var i = 0u; i < min(8, outputs - chunk); i++) {
    let m = group * outputs + channelMade(list, chunk + i);
    let offset = biasOf(m);
    for (var row = 0u; row < min(4, p.oh - oy); row++) {
      let at = ((n * p.m + m) * p.oh + oy + row) * p.ow + ox;
      let sum = &sums[(i / 4) * 4 + row];
      for (var column = 0u; column < min(4, p.ow - ox); column++) {
        if (!listed || chunk + i < made) { finish(sum[column][i % 4], offset, n, m, at + column); } else { y[at + column] = 0; }
      }
    }
  }
}
