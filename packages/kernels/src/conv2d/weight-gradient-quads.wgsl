// dw of a convolution on CPUs. A workgroup of 4 lanes has some quads of channels, and a part of the images, rows by rows of which it copies into memory of its own so
// that the 4 channels of a quad lie side by side, once for every column of taps: then the sum over pixels is one loop without any test, in which a
// lane is a channel, and 8 channels x 4 outputs are summed in 8 vectors. Parts are added afterwards in a fixed order (weight-gradient-quads-sum.wgsl).
struct Params {
  n: u32, c: u32, h: u32, w: u32, m: u32, oh: u32, ow: u32, kh: u32,
  kw: u32, strideH: u32, strideW: u32, padTop: u32, padLeft: u32, dilationH: u32, dilationW: u32, group: u32,
  quads: u32, // of a workgroup; even
  allQuads: u32, // of a group of channels
  imagesPerPart: u32,
  tileImages: u32,
  tileRows: u32, // of dy
  inRows: u32, // of x, copied for a tile; with `everyTap` as many as tileRows
  phaseRows: u32, // inRows of one phase of the stride
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>; // [part, output, tap, channel of all quads]

override stepX = 1u; // strideW
override everyTap = false; // a single tap, or small images: a copy for every tap, so that one loop goes through all images
override words = 2048u;
override gradientWords = 512u;
var<workgroup> tile: array<vec4f, words>; // [row of taps, if everyTap][column of taps, quad, image, row, column]
var<workgroup> gradients: array<vec4f, gradientWords>; // [image, row, column] of 4 outputs

fn inputs4(plane: u32, row: u32, column: u32) -> vec4f {
  let p = params;
  let at = (plane * p.h + row) * p.w + column;
  let size = p.h * p.w;
  let value = vec4f(x[at], x[at + size], x[at + 2 * size], x[at + 3 * size]);
  return select(vec4f(), value, column < p.w);
}

/** Rows of x, or zeros, that dy's `rows` rows from `firstRow` on meet at a column of taps (and, with `everyTap`, a row of them). */
fn copyRows(plane: u32, firstRow: u32, ty: u32, tx: u32, start: u32, lane: u32) {
  let p = params;
  let shift = tx * p.dilationW - p.padLeft;
  for (var r = 0u; r < p.inRows; r++) {
    // Rows of one phase of the stride follow one another.
    let row = select(r % p.phaseRows * p.strideH + r / p.phaseRows, r * p.strideH, everyTap);
    let iy = firstRow * p.strideH + row + ty * p.dilationH - p.padTop;
    let to = start + r * p.ow + lane;
    // Beyond a row's end the next one is written over it.
    if (iy < p.h) {
      for (var ox = 0u; ox < p.ow; ox += 4) { tile[to + ox] = inputs4(plane, iy, (ox + lane) * stepX + shift); }
    } else {
      for (var ox = 0u; ox < p.ow; ox += 4) { tile[to + ox] = vec4f(); }
    }
  }
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let firstQuad = wg.x * p.quads;
  let firstChannel = wg.y * channels;
  let lastImage = min((wg.z + 1) * p.imagesPerPart, p.n);
  let area = p.kh * p.kw;
  let imagePixels = p.inRows * p.ow;
  let quadPixels = p.tileImages * imagePixels;
  let tapPixels = p.quads * quadPixels;
  let outPlane = p.oh * p.ow;
  let copiedTaps = select(1, p.kh, everyTap);
  var begins = true;
  for (var image = wg.z * p.imagesPerPart; image < lastImage; image += p.tileImages) {
    let images = min(p.tileImages, lastImage - image);
    for (var firstRow = 0u; firstRow < p.oh; firstRow += p.tileRows) {
      let rows = min(p.tileRows, p.oh - firstRow);
      for (var ty = 0u; ty < copiedTaps; ty++) {
        for (var tx = 0u; tx < p.kw; tx++) {
          for (var quad = 0u; quad < p.quads; quad++) {
            // Beyond the last channel others are read, and their sums dropped.
            let first = min((firstQuad + quad) * 4, channels - 1);
            for (var i = 0u; i < images; i++) {
              let start = ((ty * p.kw + tx) * p.quads + quad) * quadPixels + i * imagePixels;
              copyRows((image + i) * p.c + firstChannel + first, firstRow, ty, tx, start, lane);
            }
          }
        }
      }
      let pixels = rows * p.ow;
      let turns = select(images, 1, everyTap);
      let inner = select(pixels, images * pixels, everyTap);
      for (var output = 0u; output < outputs; output += 4) {
        for (var i = 0u; i < images; i++) {
          let plane = (image + i) * p.m + wg.y * outputs + output;
          let at = plane * outPlane + firstRow * p.ow + lane;
          for (var k = 0u; k < pixels; k += 4) {
            gradients[i * pixels + k + lane] = vec4f(dy[at + k], dy[at + k + outPlane], dy[at + k + 2 * outPlane], dy[at + k + 3 * outPlane]);
          }
        }
        for (var quad = 0u; quad < p.quads; quad += 2) {
          for (var ty = 0u; ty < p.kh; ty++) {
            for (var tx = 0u; tx < p.kw; tx++) {
              let stored = ((wg.z * p.m + wg.y * outputs + output) * area + ty * p.kw + tx) * p.allQuads * 4 + (firstQuad + quad) * 4 + lane;
              let next = area * p.allQuads * 4;
              var a0 = 0.0; var a1 = 0.0; var a2 = 0.0; var a3 = 0.0;
              var b0 = 0.0; var b1 = 0.0; var b2 = 0.0; var b3 = 0.0;
              if (!begins) {
                a0 = parts[stored]; b0 = parts[stored + 4];
                a1 = parts[stored + next]; b1 = parts[stored + next + 4];
                a2 = parts[stored + 2 * next]; b2 = parts[stored + 2 * next + 4];
                a3 = parts[stored + 3 * next]; b3 = parts[stored + 3 * next + 4];
              }
              let down = ty * p.dilationH;
              let row = select(down % p.strideH * p.phaseRows + down / p.strideH, 0, everyTap);
              let tap = select(tx, ty * p.kw + tx, everyTap);
              for (var i = 0u; i < turns; i++) {
                var at = tap * tapPixels + quad * quadPixels + i * imagePixels + row * p.ow;
                var g = i * pixels;
                for (var k = 0u; k < inner; k++) {
                  let c0 = tile[at][lane]; let c1 = tile[at + quadPixels][lane];
                  let d = gradients[g];
                  a0 += c0 * d.x; a1 += c0 * d.y; a2 += c0 * d.z; a3 += c0 * d.w;
                  b0 += c1 * d.x; b1 += c1 * d.y; b2 += c1 * d.z; b3 += c1 * d.w;
                  at++;
                  g++;
                }
              }
              parts[stored] = a0; parts[stored + 4] = b0;
              if (output + 1 < outputs) { parts[stored + next] = a1; parts[stored + next + 4] = b1; }
              if (output + 2 < outputs) { parts[stored + 2 * next] = a2; parts[stored + 2 * next + 4] = b2; }
              if (output + 3 < outputs) { parts[stored + 3 * next] = a3; parts[stored + 3 * next + 4] = b3; }
            }
          }
        }
      }
      begins = false;
    }
  }
}
