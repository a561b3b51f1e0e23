// dw of a convolution: one invocation per weight sums over images and outputs. Slow and plain.
struct Params {
  n: i32, c: i32, h: i32, w: i32,
  m: i32, oh: i32, ow: i32, kh: i32,
  kw: i32, strideH: i32, strideW: i32, padTop: i32,
  padLeft: i32, dilationH: i32, dilationW: i32, group: i32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = i32(id.x + id.y * groups.x * 64);
  let p = params;
  let channels = p.c / p.group;
  if (index >= p.m * channels * p.kh * p.kw) { return; }
  let kx = index % p.kw;
  let ky = (index / p.kw) % p.kh;
  let c = (index / (p.kw * p.kh)) % channels;
  let m = index / (p.kw * p.kh * channels);
  let channel = m / (p.m / p.group) * channels + c;

  var sum = 0.0;
  for (var n = 0; n < p.n; n++) {
    var image = 0.0; // a sum per image first: error grows with the square root of the batch, not with all its pixels
    for (var oy = 0; oy < p.oh; oy++) {
      let iy = oy * p.strideH - p.padTop + ky * p.dilationH;
      if (iy < 0 || iy >= p.h) { continue; }
      for (var ox = 0; ox < p.ow; ox++) {
        let ix = ox * p.strideW - p.padLeft + kx * p.dilationW;
        if (ix >= 0 && ix < p.w) {
          image += x[((n * p.c + channel) * p.h + iy) * p.w + ix] * dy[((n * p.m + m) * p.oh + oy) * p.ow + ox];
        }
      }
    }
    sum += image;
  }
  dw[index] = sum;
}
