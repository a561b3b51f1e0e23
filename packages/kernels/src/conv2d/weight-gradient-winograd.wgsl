// dw of a 3 x 3 convolution of stride 1 on CPUs by Winograd's filtering (as winograd.wgsl, whose derivative it is): dw = G' (sum over tiles of (A dy A') (B' x B)) G, so
// that 16 multiplications serve 36. A workgroup has some quads of channels and a part of the images; it transforms tiles of both into memory of its
// own, where the 4 channels (outputs) of a quad lie side by side, and sums over tiles in one loop without any test, a lane being a channel.
struct Params {
  n: u32, c: u32, h: u32, w: u32, m: u32, oh: u32, ow: u32, kh: u32,
  kw: u32, strideH: u32, strideW: u32, padTop: u32, padLeft: u32, dilationH: u32, dilationW: u32, group: u32,
  quads: u32, // of a workgroup; even
  allQuads: u32, // of a group of channels
  imagesPerPart: u32,
  tileImages: u32,
  tileRows: u32, // rows of tiles
  room: u32, // for tiles
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>; // [part, output, 16, channel of all quads]

override words = 2048u;
override gradientWords = 512u;
var<workgroup> spectrum: array<vec4f, words>; // [16, quad, tile] of 4 channels
var<workgroup> gradients: array<vec4f, gradientWords>; // [16, tile] of 4 outputs
override stagingWords = 1024u;
var<workgroup> staging: array<f32, stagingWords>; // [16, channel or output, 4 tiles]

fn tilesX() -> u32 { return params.ow / 2; }

/** `next` is from one of the 16 to the next. */
fn keepRow(at: u32, next: u32, v: vec4f) {
  staging[at] = v.x;
  staging[at + next] = v.y;
  staging[at + 2 * next] = v.z;
  staging[at + 3 * next] = v.w;
}

/** B' x B of four tiles of one channel. */
fn transformInputs(plane: u32, iy: u32, ix: u32, to: u32, next: u32) {
  let r0 = rowOf(plane, iy, ix);
  let r1 = rowOf(plane, iy + 1, ix);
  let r2 = rowOf(plane, iy + 2, ix);
  let r3 = rowOf(plane, iy + 3, ix);
  keepRow(to, next, r0 - r2);
  keepRow(to + 4 * next, next, r1 + r2);
  keepRow(to + 8 * next, next, r2 - r1);
  keepRow(to + 12 * next, next, r1 - r3);
}

/** A dy A' of four tiles of one output. */
fn transformGradients(at: u32, to: u32) {
  let a = dy[at];
  let b = dy[at + 1];
  let c = dy[at + params.ow];
  let d = dy[at + params.ow + 1];
  keepRow(to, 16, vec4f(a, a + b, a - b, -b));
  keepRow(to + 64, 16, vec4f(a + c, a + c + (b + d), a + c - (b + d), -b - d));
  keepRow(to + 128, 16, vec4f(a - c, a - c + (b - d), a - c - (b - d), d - b));
  keepRow(to + 192, 16, vec4f(-c, -c - d, d - c, d));
}

fn staged4(at: u32) -> vec4f {
  return vec4f(staging[at], staging[at + 4], staging[at + 8], staging[at + 12]);
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let firstQuad = wg.x * p.quads;
  let lastImage = min((wg.z + 1) * p.imagesPerPart, p.n);
  let next = p.quads * p.room + 4; // no power of 2, of which all 16 would be in one set of the cache
  let ownChannels = min(p.quads * 4, channels - min(channels, firstQuad * 4));
  let row = p.quads * 16 + 16; // of what is staged; no power of 2, as `next`
  var begins = true;
  for (var firstImage = wg.z * p.imagesPerPart; firstImage < lastImage; firstImage += p.tileImages) {
    let images = min(p.tileImages, lastImage - firstImage);
    for (var firstRow = 0u; firstRow < p.oh / 2; firstRow += p.tileRows) {
      let rows = min(p.tileRows, p.oh / 2 - firstRow);
      let count = images * rows * tilesX();
      for (var first = 0u; first < count; first += 4) {
        let tile = tileAt(first, lane, rows, count);
        let image = (firstImage + min(tile.image, images - 1)) * p.c + wg.y * channels;
        let iy = (firstRow + tile.row) * 2 - p.padTop;
        let ix = tile.column * 2 - p.padLeft;
        // Beyond the last channel what was left there is taken, and its sums dropped.
        for (var i = 0u; i < ownChannels; i++) {
          transformInputs((image + firstQuad * 4 + i) * p.h * p.w, iy, ix, i * 4 + lane, row);
        }
        for (var k = 0u; k < 16; k++) {
          for (var quad = 0u; quad < p.quads; quad++) {
            spectrum[k * next + quad * p.room + first + lane] = staged4(k * row + quad * 16 + lane);
          }
        }
      }
      for (var output = 0u; output < outputs; output += 4) {
        for (var first = 0u; first < count; first += 4) {
          let tile = tileAt(first, lane, rows, count);
          let plane = (firstImage + min(tile.image, images - 1)) * p.m + wg.y * outputs + output;
          let at = (plane * p.oh + (firstRow + tile.row) * 2) * p.ow + tile.column * 2;
          for (var i = 0u; i < 4; i++) { transformGradients(at + i * p.oh * p.ow, i * 4 + lane); }
          for (var k = 0u; k < 16; k++) { gradients[k * p.room + first + lane] = staged4(k * 16 + lane); }
        }
        for (var quad = 0u; quad < p.quads; quad += 2) {
          for (var k = 0u; k < 16; k++) {
            let stored = ((wg.z * p.m + wg.y * outputs + output) * 16 + k) * p.allQuads * 4 + (firstQuad + quad) * 4 + lane;
            let further = 16 * p.allQuads * 4;
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
