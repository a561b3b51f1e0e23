// dw of a 3 x 3 convolution of stride 1 on CPUs by Winograd's minimal filtering (winograd.wgsl, whose derivative it is) in tiles of size x size: dw = G' (sum over tiles of
// (A dy A') (B' x B)) G. winograd-2x2-gradient.wgsl and winograd-4x4-gradient.wgsl have the transforms. A workgroup has some quads of channels and a part of the
// images; it transforms tiles of both into memory of its own, where the 4 channels (outputs) of a quad lie side by side, and sums over tiles in
// one loop without any test. A lane is a channel, or an output; while it stages, a column.
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
@group(0) @binding(3) var<storage, read_write> parts: array<f32>; // [part, output, points, channel of all quads]

override words = 2048u;
var<workgroup> spectrum: array<vec4f, words>; // [points, quad, tile] of 4 channels, then [points, tile] of 4 outputs

fn tilesX() -> u32 { return (params.ow + size - 1) / size; }

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let firstQuad = wg.x * p.quads;
  let ownQuads = min(p.quads, (channels + 3) / 4 - min((channels + 3) / 4, firstQuad));
  let lastImage = min((wg.z + 1) * p.imagesPerPart, p.n);
  let next = p.quads * p.room + 4; // no power of 2, of which all points would be in one set of the cache
  let gradients = points * next;
  let further = points * p.allQuads * 4;
  var begins = true;
  for (var firstImage = wg.z * p.imagesPerPart; firstImage < lastImage; firstImage += p.tileImages) {
    let images = min(p.tileImages, lastImage - firstImage);
    for (var firstRow = 0u; firstRow * size < p.oh; firstRow += p.tileRows) {
      let rows = min(p.tileRows, (p.oh + size - 1) / size - firstRow);
      let ofImage = rows * tilesX();
      let count = images * ofImage;
      clearStage((rows * size + 2) * p.pitch, lane);
      for (var image = 0u; image < images; image++) {
        for (var quad = 0u; quad < ownQuads; quad++) {
          // Of channels beyond the last the last is taken, and their sums dropped.
          let channel = (firstQuad + quad) * 4;
          let plane = ((firstImage + image) * p.c + wg.y * channels + channel) * p.h * p.w;
          stage(&x, plane, p.h * p.w, channels - 1 - channel, p.h, p.w, firstRow * size - p.padTop, rows * size + 2, p.padLeft, p.pitch, lane);
          var to = quad * p.room + image * ofImage;
          for (var row = 0u; row < rows; row++) {
            for (var column = 0u; column < tilesX(); column++) {
              transformInputs((row * p.pitch + column) * size, to, next, lane);
              to++;
            }
          }
        }
      }
      for (var output = 0u; output < outputs; output += 4) {
        for (var image = 0u; image < images; image++) {
          let plane = ((firstImage + image) * p.m + wg.y * outputs + output) * p.oh * p.ow;
          stage(&dy, plane, p.oh * p.ow, outputs - 1 - output, p.oh, p.ow, firstRow * size, rows * size, 0, p.pitch, lane);
          var to = gradients + image * ofImage;
          for (var row = 0u; row < rows; row++) {
            for (var column = 0u; column < tilesX(); column++) {
              transformGradients((row * p.pitch + column) * size, to, p.room, lane);
              to++;
            }
          }
        }
        for (var quad = 0u; quad < p.quads; quad += 2) {
          for (var k = 0u; k < points; k++) {
            let stored = ((wg.z * p.m + wg.y * outputs + output) * points + k) * p.allQuads * 4 + (firstQuad + quad) * 4 + lane;
            var a0 = 0.0; var a1 = 0.0; var a2 = 0.0; var a3 = 0.0;
            var b0 = 0.0; var b1 = 0.0; var b2 = 0.0; var b3 = 0.0;
            if (!begins) {
              a0 = parts[stored]; b0 = parts[stored + 4];
              a1 = parts[stored + further]; b1 = parts[stored + further + 4];
              a2 = parts[stored + 2 * further]; b2 = parts[stored + 2 * further + 4];
              a3 = parts[stored + 3 * further]; b3 = parts[stored + 3 * further + 4];
            }
            var at = k * next + quad * p.room;
            var g = gradients + k * p.room;
            for (var i = 0u; i < count; i++) {
              let c0 = spectrum[at][lane]; let c1 = spectrum[at + p.room][lane];
              let d = spectrum[g];
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
