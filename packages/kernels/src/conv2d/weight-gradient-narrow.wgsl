// dw of a depthwise 3 x 3 convolution of dilation 1: each invocation computes the 9 weights of one output over its part of
// the rows of all images. A window of 3 x 3 inputs slides along the row, so that at stride 1 each pixel costs 4 loads for 9
// multiply-adds. Parts are summed afterwards in a fixed order.
struct Params {
  n: u32, c: u32, h: u32, w: u32, m: u32, oh: u32, ow: u32, kh: u32,
  kw: u32, strideH: u32, strideW: u32, padTop: u32, padLeft: u32, dilationH: u32, dilationW: u32, group: u32,
  rowsPerPart: u32, parts: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>; // [parts, m, 3, 3]

fn column(base: u32, ix: u32, inside: vec3<bool>) -> vec3f {
  let w = params.w;
  return select(vec3f(), vec3f(x[base + ix], x[base + w + ix], x[base + 2 * w + ix]), inside & vec3<bool>(ix < w));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let p = params;
  if (id.x >= p.m * p.parts) { return; }
  let m = id.x % p.m;
  let part = id.x / p.m;
  let c = m / (p.m / p.group);
  // columns of the kernel, 3 rows each
  var s0 = vec3f();
  var s1 = vec3f();
  var s2 = vec3f();
  let end = min((part + 1) * p.rowsPerPart, p.n * p.oh);
  for (var r = part * p.rowsPerPart; r < end; r++) {
    let n = r / p.oh;
    let oy = r % p.oh;
    let iy = oy * p.strideH - p.padTop;
    let inside = vec3u(iy, iy + 1, iy + 2) < vec3u(p.h);
    let base = ((n * p.c + c) * p.h + iy) * p.w;
    let gradient = ((n * p.m + m) * p.oh + oy) * p.ow;
    var ix = 0 - p.padLeft;
    var c0 = column(base, ix, inside);
    var c1 = column(base, ix + 1, inside);
    var c2 = column(base, ix + 2, inside);
    for (var ox = 0u; ox < p.ow; ox++) {
      let g = dy[gradient + ox];
      s0 += c0 * g;
      s1 += c1 * g;
      s2 += c2 * g;
      ix += p.strideW;
      if (p.strideW == 1) {
        c0 = c1;
        c1 = c2;
      } else {
        if (p.strideW == 2) { c0 = c2; } else { c0 = column(base, ix, inside); }
        c1 = column(base, ix + 1, inside);
      }
      c2 = column(base, ix + 2, inside);
    }
  }
  let at = id.x * 9;
  for (var i = 0u; i < 3; i++) {
    parts[at + 3 * i] = s0[i];
    parts[at + 3 * i + 1] = s1[i];
    parts[at + 3 * i + 2] = s2[i];
  }
}
