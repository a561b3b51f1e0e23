// dx of a convolution (or the transposed convolution: then with a bias), gathered: one invocation per element of dx looks for the outputs it went into.
struct Params {
  n: i32, c: i32, h: i32, w: i32,
  m: i32, oh: i32, ow: i32, kh: i32,
  kw: i32, strideH: i32, strideW: i32, padTop: i32,
  padLeft: i32, dilationH: i32, dilationW: i32, group: i32,
  biased: i32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = i32(id.x + id.y * groups.x * 64);
  let p = params;
  if (index >= p.n * p.c * p.h * p.w) { return; }
  let ix = index % p.w;
  let iy = (index / p.w) % p.h;
  let c = (index / (p.w * p.h)) % p.c;
  let n = index / (p.w * p.h * p.c);
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let first = c / channels * outputs;

  var sum = 0.0;
  for (var ky = 0; ky < p.kh; ky++) {
    let ty = iy + p.padTop - ky * p.dilationH;
    let oy = ty / p.strideH;
    if (ty < 0 || oy * p.strideH != ty || oy >= p.oh) { continue; }
    for (var kx = 0; kx < p.kw; kx++) {
      let tx = ix + p.padLeft - kx * p.dilationW;
      let ox = tx / p.strideW;
      if (tx < 0 || ox * p.strideW != tx || ox >= p.ow) { continue; }
      for (var m = first; m < first + outputs; m++) {
        sum += dy[((n * p.m + m) * p.oh + oy) * p.ow + ox] * weights[((m * channels + c % channels) * p.kh + ky) * p.kw + kx];
      }
    }
  }
  if (p.biased != 0) { sum += bias[c]; }
  dx[index] = sum;
}
