// Bytes of images to floats: y = (byte / 255 - mean) / std per channel. With augmentation each image is first padded by `crop` zero
// pixels on every side, cut back to its size at a random place, and flipped left to right with probability one half.

struct Params {
  images: u32,
  channels: u32,
  height: u32,
  width: u32,
  crop: u32,
  flip: u32,
  unused0: u32,
  unused1: u32,
  affine: array<vec4f, 12>, // per channel: y = byte * x + y of the vector
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> bytes: array<u32>; // 4 pixels a word, NCHW
@group(0) @binding(2) var<storage, read_write> random: array<u32>; // seed, step
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

/** One invocation writes one row of one channel of one image. */
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = id.x + id.y * groups.x * 64u;
  if (row >= params.images * params.channels * params.height) {
    return;
  }
  let v = row % params.height;
  let plane = row / params.height;
  let channel = plane % params.channels;
  let n = plane / params.channels;
  var dy = 0i;
  var dx = 0i;
  var flipped = false;
  if (params.crop != 0u || params.flip != 0u) {
    let words = philox(vec4u(n, random[1], 0u, 0u), vec2u(random[0], 0x61756731u));
    let places = 2u * params.crop + 1u;
    dy = i32(words.x % places) - i32(params.crop);
    dx = i32(words.y % places) - i32(params.crop);
    flipped = params.flip != 0u && (words.z & 1u) == 1u;
  }
  let affine = params.affine[channel];
  let sourceRow = i32(v) + dy;
  let inside = sourceRow >= 0 && sourceRow < i32(params.height);
  let origin = plane * params.height * params.width + u32(max(sourceRow, 0)) * params.width;
  let to = row * params.width;
  let w = i32(params.width);
  for (var u = 0i; u < w; u++) {
    let source = select(u, w - 1 - u, flipped) + dx;
    var value = 0.0;
    if (inside && source >= 0 && source < w) {
      let i = origin + u32(source);
      value = f32((bytes[i / 4u] >> (8u * (i % 4u))) & 0xffu);
    }
    y[to + u32(u)] = value * affine.x + affine.y;
  }
}
