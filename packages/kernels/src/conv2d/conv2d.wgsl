// Direct convolution, one invocation per output: any kernel, stride, padding, dilation and groups.
// y = mask[p, m] * act(conv(x, w) + bias + residual); the last four are optional (flags), and so are lists of the channels that count.
struct Params {
  n: i32, c: i32, h: i32, w: i32,
  m: i32, oh: i32, ow: i32, kh: i32,
  kw: i32, strideH: i32, strideW: i32, padTop: i32,
  padLeft: i32, dilationH: i32, dilationW: i32, group: i32,
  flags: i32, // 1 bias, 2 residual, 4 mask, 8 relu, 16 relu6, 32 lists
  imagesPerCandidate: i32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> mask: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> lists: array<u32>; // as in tile-params.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let invocation = i32(id.x + id.y * groups.x * 64);
  let p = params;
  if (invocation >= p.n * p.m * p.oh * p.ow) { return; }
  let ox = invocation % p.ow;
  let oy = (invocation / p.ow) % p.oh;
  var m = (invocation / (p.ow * p.oh)) % p.m;
  let n = invocation / (p.ow * p.oh * p.m);
  let channels = p.c / p.group;
  let listed = (p.flags & 32) != 0;
  var index = invocation;
  var read = channels;
  var list = 0;
  if (listed) {
    list = n / p.imagesPerCandidate * (2 + p.c + p.m);
    let made = m < i32(lists[list + 1]);
    m = i32(lists[list + 2 + p.c + m]);
    index = ((n * p.m + m) * p.oh + oy) * p.ow + ox;
    if (!made) {
      y[index] = 0.0;
      return;
    }
    read = i32(lists[list]);
  }
  let first = m / (p.m / p.group) * channels;

  var sum = 0.0;
  for (var i = 0; i < read; i++) {
    var c = i;
    if (listed) { c = i32(lists[list + 2 + i]); }
    let plane = (n * p.c + first + c) * p.h;
    for (var ky = 0; ky < p.kh; ky++) {
      let iy = oy * p.strideH - p.padTop + ky * p.dilationH;
      if (iy < 0 || iy >= p.h) { continue; }
      let row = (plane + iy) * p.w;
      let taps = ((m * channels + c) * p.kh + ky) * p.kw;
      for (var kx = 0; kx < p.kw; kx++) {
        let ix = ox * p.strideW - p.padLeft + kx * p.dilationW;
        if (ix >= 0 && ix < p.w) { sum += x[row + ix] * weights[taps + kx]; }
      }
    }
  }
  if ((p.flags & 1) != 0) { sum += bias[m]; }
  if ((p.flags & 2) != 0) { sum += residual[index]; }
  if ((p.flags & 24) != 0) { sum = max(sum, 0.0); }
  if ((p.flags & 16) != 0) { sum = min(sum, 6.0); }
  if ((p.flags & 4) != 0) { sum *= mask[n / p.imagesPerCandidate * p.m + m]; }
  y[index] = sum;
}
