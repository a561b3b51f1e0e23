// Convolution in tiles of workgroup memory (workgroup-tile.wgsl), for hardware: 64 outputs x 128 pixels of the whole batch. Any kernel, stride,
// dilation and groups. The sum runs over taps, then over 16 channels at a time.
var<workgroup> counts: vec2u;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let list = listOf(wg.z);
  let firstImage = wg.z * p.imagesPerCandidate;
  let pixels = imagesOfLayer() * p.gridH * p.gridW;
  let firstPixel = wg.x * tileColumns;
  let group = wg.y / p.chunks;
  let firstOutput = wg.y % p.chunks * tileRows;
  let outputs = p.m / p.group;
  if (lane == 0) { counts = vec2u(channelsRead(list), channelsMade(list)); }
  let found = workgroupUniformLoad(&counts);
  let made = found.y;
  let channels = select(0, found.x, firstOutput < made);
  let plane = p.h * p.w;

  // What this invocation loads: 4 pixels of the channels channel, channel + 4, ...; 4 outputs of the channels depth, depth + 8.
  let first = firstPixel + lane % 32 * 4;
  let channel = lane / 32;
  let pixel = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(pixels - 1));
  let iy = pixel / p.gridW % p.gridH * p.inStepY - p.top;
  let ix = pixel % p.gridW * p.inStepX - p.left;
  let start = ((firstImage + pixel / (p.gridW * p.gridH)) * p.c + group * (p.c / p.group)) * plane + iy * p.w + ix;
  let loaded = firstOutput + lane % 16 * 4;
  let four = min(vec4u(loaded, loaded + 1, loaded + 2, loaded + 3), vec4u(outputs - 1));
  let numbers = vec4u(channelMade(list, four.x), channelMade(list, four.y), channelMade(list, four.z), channelMade(list, four.w));
  let rows = numbers * p.weightOut + p.weightBase + group * p.weightGroup;
  let depth = lane / 16;

  var sums = array<vec4f, 16>();
  for (var ty = 0u; ty < p.tapsY; ty++) {
    for (var tx = 0u; tx < p.tapsX; tx++) {
      let inside = (iy + ty * p.tapY < vec4u(p.h)) & (ix + tx * p.tapX < vec4u(p.w));
      let at = start + ty * p.tapY * p.w + tx * p.tapX;
      let weight = rows + ty * p.weightY + tx * p.weightX;
      for (var base = 0u; base < channels; base += tileDepth) {
        for (var i = 0u; i < 4; i++) {
          let c = base + channel + 4 * i;
          let source = at + channelRead(list, min(c, channels - 1)) * plane;
          let value = vec4f(x[source.x], x[source.y], x[source.z], x[source.w]);
          rightTile[(channel + 4 * i) * 32 + lane % 32] = select(vec4f(), value, inside & vec4<bool>(c < channels));
        }
        for (var i = 0u; i < 2; i++) {
          let c = base + depth + 8 * i;
          let source = weight + channelRead(list, min(c, channels - 1)) * p.weightIn;
          let value = vec4f(weights[source.x], weights[source.y], weights[source.z], weights[source.w]);
          leftTile[(depth + 8 * i) * 16 + lane % 16] = select(vec4f(), value, c < channels);
        }
        workgroupBarrier();
        multiplyTiles(&sums, lane);
        workgroupBarrier();
      }
    }
  }
  for (var half = 0u; half < 2; half++) {
    for (var i = 0u; i < 4; i++) {
      let index = firstPixel + half * 64 + lane % 16 * 4 + i;
      if (index >= pixels) { return; }
      let n = firstImage + index / (p.gridW * p.gridH);
      let at = (n * p.m * p.oh + index / p.gridW % p.gridH * p.outStepY + p.outTop) * p.ow + index % p.gridW * p.outStepX + p.outLeft;
      for (var row = 0u; row < 8; row++) {
        let output = firstOutput + lane / 16 * 4 + row % 4 + row / 4 * 32;
        if (output < outputs) {
          let m = group * outputs + channelMade(list, output);
          let to = at + m * p.oh * p.ow;
          if (!listed || output < made) { finish(sums[half * 8 + row][i], biasOf(m), n, m, to); } else { y[to] = 0; }
        }
      }
    }
  }
}
