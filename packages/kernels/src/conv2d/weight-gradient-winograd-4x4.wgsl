// dw of a 3 x 3 convolution of stride 1 on CPUs by Winograd's F(4 x 4, 3 x 3) (as winograd-4x4.wgsl, whose derivative it is): dw = G' (sum over tiles of
// (A dy A') (B' x B)) G, so that 36 multiplications serve 144. A workgroup has some quads of channels and a part of the images; it transforms tiles
// of both into memory of its own, where the 4 channels (outputs) of a quad lie side by side, and sums over tiles in one loop without any test. A
// lane is a channel, or an output; while it stages, a column.
struct Params {
  n: u32, c: u32, h: u32, w: u32, m: u32, oh: u32, ow: u32, kh: u32,
  kw: u32, strideH: u32, strideW: u32, padTop: u32, padLeft: u32, dilationH: u32, dilationW: u32, group: u32,
  quads: u32, // of a workgroup; even
  allQuads: u32, // of a group of channels
  imagesPerPart: u32,
  tileImages: u32,
  tileRows: u32, // rows of tiles
  room: u32, // for tiles
  pitch: u32, // columns of what is staged
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>; // [part, output, 36, channel of all quads]

override words = 2048u;
override gradientWords = 512u;
var<workgroup> spectrum: array<vec4f, words>; // [36, quad, tile] of 4 channels
var<workgroup> gradients: array<vec4f, gradientWords>; // [36, tile] of 4 outputs

fn tilesX() -> u32 { return (params.ow + 3) / 4; }

/** Rows of four channels of an image of x from `iy` on; around them is 0. Of channels beyond the last, `rest` after the first, the last is taken, and their sums dropped. */
fn stageInputs(plane: u32, rest: u32, iy: u32, rows: u32, lane: u32) {
  let p = params;
  let area = p.h * p.w;
  let p1 = plane + min(rest, 1) * area;
  let p2 = plane + min(rest, 2) * area;
  let p3 = plane + min(rest, 3) * area;
  for (var row = 0u; row < rows; row++) {
    let to = row * p.pitch + p.padLeft + lane;
    if (iy + row < p.h) {
      let line = (iy + row) * p.w;
      for (var column = 0u; column < p.w; column += 4) {
        let at = line + column + lane;
        let v = vec4f(x[plane + at], x[p1 + at], x[p2 + at], x[p3 + at]);
        staged[to + column] = select(vec4f(), v, column + lane < p.w);
      }
    } else {
      for (var column = 0u; column < p.w; column += 4) { staged[to + column] = vec4f(); }
    }
  }
}

/** As stageInputs, of dy and without a border. */
fn stageGradients(plane: u32, rest: u32, oy: u32, rows: u32, lane: u32) {
  let p = params;
  let area = p.oh * p.ow;
  let p1 = plane + min(rest, 1) * area;
  let p2 = plane + min(rest, 2) * area;
  let p3 = plane + min(rest, 3) * area;
  for (var row = 0u; row < rows; row++) {
    let to = row * p.pitch + lane;
    if (oy + row < p.oh) {
      let line = (oy + row) * p.ow;
      for (var column = 0u; column < p.ow; column += 4) {
        let at = line + column + lane;
        let v = vec4f(dy[plane + at], dy[p1 + at], dy[p2 + at], dy[p3 + at]);
        staged[to + column] = select(vec4f(), v, column + lane < p.ow);
      }
    } else {
      for (var column = 0u; column < p.ow; column += 4) { staged[to + column] = vec4f(); }
    }
  }
}

fn keepSpectrum(at: u32, next: u32, lane: u32, v: Six) {
  spectrum[at][lane] = v.a;
  spectrum[at + next][lane] = v.b;
  spectrum[at + 2 * next][lane] = v.c;
  spectrum[at + 3 * next][lane] = v.d;
  spectrum[at + 4 * next][lane] = v.e;
  spectrum[at + 5 * next][lane] = v.f;
}

fn keepGradients(at: u32, next: u32, lane: u32, v: Six) {
  gradients[at][lane] = v.a;
  gradients[at + next][lane] = v.b;
  gradients[at + 2 * next][lane] = v.c;
  gradients[at + 3 * next][lane] = v.d;
  gradients[at + 4 * next][lane] = v.e;
  gradients[at + 5 * next][lane] = v.f;
}

/** A v, v being 4 gradients along a row or column. */
fn gradientsTransformed(a: f32, b: f32, c: f32, d: f32) -> Six {
  let evenNear = fma(c, 0.5, a);
  let oddNear = fma(d, 0.5, b) * halfRoot;
  let evenFar = fma(c, 2.0, a);
  let oddFar = fma(d, 2.0, b) * root;
  return Six(a, evenNear + oddNear, evenNear - oddNear, evenFar + oddFar, evenFar - oddFar, d);
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let firstQuad = wg.x * p.quads;
  let ownQuads = min(p.quads, (channels + 3) / 4 - min((channels + 3) / 4, firstQuad));
  let lastImage = min((wg.z + 1) * p.imagesPerPart, p.n);
  let next = p.quads * p.room + 4; // no power of 2, of which all 36 would be in one set of the cache
  let further = 36 * p.allQuads * 4;
  var begins = true;
  for (var firstImage = wg.z * p.imagesPerPart; firstImage < lastImage; firstImage += p.tileImages) {
    let images = min(p.tileImages, lastImage - firstImage);
    for (var firstRow = 0u; firstRow < (p.oh + 3) / 4; firstRow += p.tileRows) {
      let rows = min(p.tileRows, (p.oh + 3) / 4 - firstRow);
      let ofImage = rows * tilesX();
      let count = images * ofImage;
      for (var i = lane; i < (rows * 4 + 2) * p.pitch; i += 4) { staged[i] = vec4f(); }
      for (var image = 0u; image < images; image++) {
        for (var quad = 0u; quad < ownQuads; quad++) {
          let channel = (firstQuad + quad) * 4;
          let plane = ((firstImage + image) * p.c + wg.y * channels + channel) * p.h * p.w;
          stageInputs(plane, channels - 1 - channel, firstRow * 4 - p.padTop, rows * 4 + 2, lane);
          var to = quad * p.room + image * ofImage;
          for (var row = 0u; row < rows; row++) {
            for (var column = 0u; column < tilesX(); column++) {
              transformRows(row * 4 * p.pitch + column * 4, p.pitch, lane);
              for (var k = 0u; k < 6; k++) {
                keepSpectrum(to + k * next, 6 * next, lane, inputsTransformed(sixHalfway(k, 6, lane)));
              }
              to++;
            }
          }
        }
      }
      for (var output = 0u; output < outputs; output += 4) {
        for (var image = 0u; image < images; image++) {
          let plane = ((firstImage + image) * p.m + wg.y * outputs + output) * p.oh * p.ow;
          stageGradients(plane, outputs - 1 - output, firstRow * 4, rows * 4, lane);
          var to = image * ofImage;
          for (var row = 0u; row < rows; row++) {
            for (var column = 0u; column < tilesX(); column++) {
              let tile = row * 4 * p.pitch + column * 4;
              for (var i = 0u; i < 4; i++) {
                let from4 = tile + i * p.pitch;
                keepHalfway(i * 6, 1, lane, gradientsTransformed(staged[from4][lane], staged[from4 + 1][lane], staged[from4 + 2][lane], staged[from4 + 3][lane]));
              }
              for (var k = 0u; k < 6; k++) {
                let six = gradientsTransformed(halfway[k][lane], halfway[k + 6][lane], halfway[k + 12][lane], halfway[k + 18][lane]);
                keepGradients(to + k * p.room, 6 * p.room, lane, six);
              }
              to++;
            }
          }
        }
        for (var quad = 0u; quad < p.quads; quad += 2) {
          for (var k = 0u; k < 36; k++) {
            let stored = ((wg.z * p.m + wg.y * outputs + output) * 36 + k) * p.allQuads * 4 + (firstQuad + quad) * 4 + lane;
            var a0 = 0.0; var a1 = 0.0; var a2 = 0.0; var a3 = 0.0;
            var b0 = 0.0; var b1 = 0.0; var b2 = 0.0; var b3 = 0.0;
            if (!begins) {
              a0 = parts[stored]; b0 = parts[stored + 4];
              a1 = parts[stored + further]; b1 = parts[stored + further + 4];
              a2 = parts[stored + 2 * further]; b2 = parts[stored + 2 * further + 4];
              a3 = parts[stored + 3 * further]; b3 = parts[stored + 3 * further + 4];
            }
            var at = k * next + quad * p.room;
            var g = k * p.room;
            for (var i = 0u; i < count; i++) {
              let c0 = spectrum[at][lane]; let c1 = spectrum[at + p.room][lane];
              let d = gradients[g];
              a0 += c0 * d.x; a1 += c0 * d.y; a2 += c0 * d.z; a3 += c0 * d.w;
              b0 += c1 * d.x; b1 += c1 * d.y; b2 += c1 * d.z; b3 += c1 * d.w;
              at++;
              g++;
            }
            parts[stored] = a0; parts[stored + 4] = b0;
            if (output + 1 < outputs) { parts[stored + further] = a1; parts[stored + further + 4] = b1; }
            if (output + 2 < outputs) { parts[stored + 2 * further] = a2; parts[stored + 2 * further + 4] = b2; }
            if (output + 3 < outputs) { parts[stored + 3 * further] = a3; parts[stored + 3 * further + 4] = b3; }
          }
        }
      }
      begins = false;
    }
  }
}
