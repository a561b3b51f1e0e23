// dw of a convolution in tiles. The weights of a group are a matrix of outputs x columns, a column being (channel, ky, kx).
// Each invocation computes 16 outputs x 8 columns over its part of the rows of all images, so that 8 inputs and 16 output
// gradients serve 128 multiply-adds. Parts are summed afterwards in a fixed order (sum-parts.wgsl).
struct Params {
  n: u32, c: u32, h: u32, w: u32, m: u32, oh: u32, ow: u32, kh: u32,
  kw: u32, strideH: u32, strideW: u32, padTop: u32, padLeft: u32, dilationH: u32, dilationW: u32, group: u32,
  chunks: u32, // of 16 outputs per group
  rowsPerPart: u32, // rows of dy, of the n * oh there are
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>; // dy, in the place of the weights of a forward convolution
@group(0) @binding(3) var<storage, read_write> parts: array<f32>; // [parts, m, columns]

override size = 64u;

fn inputs4(at: vec4u, inside: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

fn outer(sum: mat4x4f, values: vec4f, weight: vec4f) -> mat4x4f {
  return mat4x4f(sum[0] + values.x * weight, sum[1] + values.y * weight, sum[2] + values.z * weight, sum[3] + values.w * weight);
}

@compute @workgroup_size(size)
fn main(@builtin(workgroup_id) wg: vec3u, lane: Lane) {
  let p = params;
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let group = wg.y / p.chunks;
  let chunk = wg.y % p.chunks * 16;
  let area = p.kh * p.kw;
  let columns = channels * area;
  let first = (wg.x * size + lane.local) * 8;
  let inPlane = p.h * p.w;
  let outPlane = p.oh * p.ow;

  // columns a: 0-3, b: 4-7
  let columnA = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(columns - 1));
  let columnB = min(vec4u(first + 4, first + 5, first + 6, first + 7), vec4u(columns - 1));
  let yA = columnA % area / p.kw * p.dilationH - p.padTop;
  let yB = columnB % area / p.kw * p.dilationH - p.padTop;
  let xA = columnA % p.kw * p.dilationW - p.padLeft;
  let xB = columnB % p.kw * p.dilationW - p.padLeft;
  let startA = (group * channels + columnA / area) * inPlane + yA * p.w + xA;
  let startB = (group * channels + columnB / area) * inPlane + yB * p.w + xB;

  var a0 = mat4x4f(); var a1 = mat4x4f(); var a2 = mat4x4f(); var a3 = mat4x4f(); // outputs 0-3, 4-7, 8-11, 12-15
  var b0 = mat4x4f(); var b1 = mat4x4f(); var b2 = mat4x4f(); var b3 = mat4x4f();
  let end = min((wg.z + 1) * p.rowsPerPart, p.n * p.oh);
  for (var row = wg.z * p.rowsPerPart; row < end; row++) {
    let n = row / p.oh;
    let oy = row % p.oh;
    let rowsA = yA + oy * p.strideH < vec4u(p.h);
    let rowsB = yB + oy * p.strideH < vec4u(p.h);
    var atA = startA + n * p.c * inPlane + oy * p.strideH * p.w;
    var atB = startB + n * p.c * inPlane + oy * p.strideH * p.w;
    var ixA = xA;
    var ixB = xB;
    var gradient = (n * p.m + group * outputs + chunk) * outPlane + oy * p.ow;
    for (var ox = 0u; ox < p.ow; ox++) {
      let inA = inputs4(atA, rowsA & (ixA < vec4u(p.w)));
      let inB = inputs4(atB, rowsB & (ixB < vec4u(p.w)));
      let g0 = weights4(gradient, outPlane, lane);
      let g1 = weights4(gradient + 4 * outPlane, outPlane, lane);
      let g2 = weights4(gradient + 8 * outPlane, outPlane, lane);
      let g3 = weights4(gradient + 12 * outPlane, outPlane, lane);
      a0 = outer(a0, inA, g0); a1 = outer(a1, inA, g1); a2 = outer(a2, inA, g2); a3 = outer(a3, inA, g3);
      b0 = outer(b0, inB, g0); b1 = outer(b1, inB, g1); b2 = outer(b2, inB, g2); b3 = outer(b3, inB, g3);
      atA += vec4u(p.strideW);
      atB += vec4u(p.strideW);
      ixA += vec4u(p.strideW);
      ixB += vec4u(p.strideW);
      gradient++;
    }
  }
  var sums = array<mat4x4f, 8>(a0, a1, a2, a3, b0, b1, b2, b3);
  for (var j = 0u; j < min(16, outputs - chunk); j++) {
    let at = (wg.z * p.m + group * outputs + chunk + j) * columns + first;
    for (var i = 0u; i < min(8, columns - min(columns, first)); i++) {
      parts[at + i] = sums[i / 4 * 4 + j / 4][i % 4][j % 4];
    }
  }
}
