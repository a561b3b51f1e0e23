// What the tiled convolutions share. A convolution here is a sum over taps and channels of
// x[n, c, gy * inStepY - top + ty * tapY, gx * inStepX - left + tx * tapX] * weights[m * weightOut + c * weightIn + ty * weightY + tx * weightX],
// stored at output (gy * outStepY + outTop, gx * outStepX + outLeft). With exchanged strides and reversed taps it is
// an input gradient. Negative values wrap: a coordinate is inside when, unsigned, it is below the size.
struct Params {
  n: u32, c: u32, h: u32, w: u32, m: u32, oh: u32, ow: u32, group: u32,
  gridH: u32, gridW: u32, outStepY: u32, outStepX: u32, outTop: u32, outLeft: u32,
  inStepY: u32, inStepX: u32, top: u32, left: u32,
  tapsY: u32, tapsX: u32, tapY: u32, tapX: u32,
  weightBase: u32, weightGroup: u32, weightOut: u32, weightIn: u32, weightY: u32, weightX: u32,
  chunks: u32, // of output channels per group
  flags: u32, // 1 bias, 2 residual, 4 mask, 8 relu, 16 relu6
  imagesPerCandidate: u32,
  // rows.wgsl and winograd.wgsl: their tiles
  inRows: u32, // of x
  rowTiles: u32, // of an image
  tileRows: u32, // of the grid
  tileImages: u32,
  width: u32, // columns
  packedBlock: u32, // weights of 4 outputs
  tileBlocks: u32, // of 4 outputs, of a workgroup
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> mask: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
// [candidates, 2 + c + m]: how many channels of x are read, how many of y are made, x's channels by number, y's by number: those that are read
// and made come first.
@group(0) @binding(7) var<storage, read_write> lists: array<u32>;

// What the epilogue does is decided with the pipeline: software adapters pay for every load behind a condition, taken or not.
override fused = false; // bias and activation
override adds = false; // a residual
override masks = false;
// All channels are read and made, in their order; or each candidate, which is a layer (z) of the workgroups, has a list of them.
override listed = false;

/** Where the list of a candidate begins. */
fn listOf(candidate: u32) -> u32 { return candidate * (2 + params.c + params.m); }
fn channelsRead(list: u32) -> u32 {
  if (listed) { return lists[list]; }
  return params.c / params.group;
}
fn channelsMade(list: u32) -> u32 {
  if (listed) { return lists[list + 1]; }
  return params.m / params.group;
}
fn channelRead(list: u32, i: u32) -> u32 {
  if (listed) { return lists[list + 2 + i]; }
  return i;
}
fn channelMade(list: u32, i: u32) -> u32 {
  if (listed) { return lists[list + 2 + params.c + i]; }
  return i;
}
// Where the weights of outputs first .. first + 3 of a group begin; what is beyond the last is not stored.
fn weightsOfFour(list: u32, first: u32) -> vec4u {
  let four = vec4u(first, first + 1, first + 2, first + 3);
  if (listed) {
    let at = min(four, vec4u(params.m - 1));
    return vec4u(channelMade(list, at.x), channelMade(list, at.y), channelMade(list, at.z), channelMade(list, at.w)) * params.weightOut;
  }
  return four * params.weightOut;
}
/** Images that a layer of workgroups has, beginning with image z x imagesPerCandidate. */
fn imagesOfLayer() -> u32 { return select(params.n, params.imagesPerCandidate, listed); }

fn biasOf(m: u32) -> f32 {
  if (fused) {
    return select(0, bias[m], (params.flags & 1) != 0);
  }
  return 0;
}

// mask[p, m] * act(sum + offset + residual), offset being biasOf(m)
fn finished(sum: f32, offset: f32, n: u32, m: u32, at: u32) -> f32 {
  var value = sum;
  if (fused) { value += offset; }
  if (adds) { value += residual[at]; }
  if (fused) {
    if ((params.flags & 24) != 0) { value = max(value, 0); }
    if ((params.flags & 16) != 0) { value = min(value, 6); }
  }
  if (masks) { value *= mask[n / params.imagesPerCandidate * params.m + m]; }
  return value;
}

fn finish(sum: f32, offset: f32, n: u32, m: u32, at: u32) { y[at] = finished(sum, offset, n, m, at); }
