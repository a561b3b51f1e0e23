// 3 x 3 convolution of stride 1 on CPUs by Winograd's F(4 x 4, 3 x 3) (Lavin and Gray, arXiv 1509.09308): 36 multiplications in place of 144 for 16 outputs.
// A lane is an image, so that tiles of any place and grids of any size are alike. A workgroup of 4 lanes transforms some tiles of all channels
// into memory of its own; then 36 products of matrices, of 8 (tile, image) x 4 outputs at a time in 8 vectors, and the way back.
override words = 16384u;
var<workgroup> spectrum: array<f32, words>; // [36, channel, tile, image]
var<workgroup> products: array<f32, 1152>; // [36, output, 2 tiles, image]
var<workgroup> made: array<vec4f, 16>; // [4, 4] of images
override whole = true; // tiles do not reach over the right edge

fn tilesX() -> u32 { return (params.gridW + 3) / 4; }

/** Rows of a channel of four images from `iy` on, [row, pitch]; around them is 0. `plane` is of the first of the images, `next` from one to the next, `rest` of them beyond it. */
fn stage(plane: u32, next: u32, rest: u32, iy: u32, rows: u32, pitch: u32, lane: u32) {
  let p = params;
  let p1 = plane + min(rest, 1) * next;
  let p2 = plane + min(rest, 2) * next;
  let p3 = plane + min(rest, 3) * next;
  for (var row = 0u; row < rows; row++) {
    let to = row * pitch + p.left + lane;
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

fn keepSpectrum(at: u32, next: u32, v: Six) {
  spectrum[at] = v.a;
  spectrum[at + next] = v.b;
  spectrum[at + 2 * next] = v.c;
  spectrum[at + 3 * next] = v.d;
  spectrum[at + 4 * next] = v.e;
  spectrum[at + 5 * next] = v.f;
}

struct Four { a: f32, b: f32, c: f32, d: f32 }

/** A' v, v being 6 sums along a row or column. */
fn sumsTransformed(v: Six) -> Four {
  let evenNear = v.b + v.c;
  let oddNear = v.b - v.c;
  let evenFar = v.d + v.e;
  let oddFar = v.d - v.e;
  return Four(
    v.a + evenNear + evenFar,
    fma(oddNear, halfRoot, oddFar * root),
    fma(evenNear, 0.5, evenFar * 2.0),
    fma(oddNear, 0.5 * halfRoot, fma(oddFar, 2.0 * root, v.f)),
  );
}

fn sixProducts(at: u32) -> Six {
  return Six(products[at], products[at + 192], products[at + 384], products[at + 576], products[at + 768], products[at + 960]);
}

/** A' M A of a tile of four images, into `made`. */
fn makeTile(from4: u32, lane: u32) {
  for (var column = 0u; column < 6; column++) {
    let four = sumsTransformed(sixProducts(from4 + column * 32));
    halfway[column][lane] = four.a;
    halfway[column + 6][lane] = four.b;
    halfway[column + 12][lane] = four.c;
    halfway[column + 18][lane] = four.d;
  }
  for (var row = 0u; row < 4; row++) {
    let four = sumsTransformed(sixHalfway(row * 6, 1, lane));
    made[row * 4][lane] = four.a;
    made[row * 4 + 1][lane] = four.b;
    made[row * 4 + 2][lane] = four.c;
    made[row * 4 + 3][lane] = four.d;
  }
}

/** A tile of four images to y; a lane is a column. */
fn store(image: u32, rest: u32, m: u32, isMade: bool, oy: u32, ox: u32, lane: u32) {
  let p = params;
  let column = ox + lane;
  let next = p.m * p.oh * p.ow;
  let offset = biasOf(m);
  let rows = min(4u, p.oh - oy);
  let plane = ((image * p.m + m) * p.oh + oy) * p.ow + column;
  for (var row = 0u; row < rows; row++) {
    let v = made[row * 4 + lane];
    let at = plane + row * p.ow;
    if (whole || column < p.ow) {
      y[at] = select(0, finished(v.x, offset, image, m, at), isMade);
      if (rest > 0) { y[at + next] = select(0, finished(v.y, offset, image + 1, m, at + next), isMade); }
      if (rest > 1) { y[at + 2 * next] = select(0, finished(v.z, offset, image + 2, m, at + 2 * next), isMade); }
      if (rest > 2) { y[at + 3 * next] = select(0, finished(v.w, offset, image + 3, m, at + 3 * next), isMade); }
    }
  }
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let list = listOf(wg.z);
  let channels = channelsRead(list);
  let outputs = p.m / p.group;
  let blocks = (outputs + 3) / 4;
  let chunks = (blocks + p.tileBlocks - 1) / p.tileBlocks;
  let group = wg.y / chunks;
  let firstBlock = wg.y % chunks * p.tileBlocks;
  let ofCandidate = wg.x / p.rowTiles * p.tileImages;
  let firstImage = wg.z * p.imagesPerCandidate + ofCandidate;
  let images = min(p.tileImages, imagesOfLayer() - ofCandidate);
  let firstRow = wg.x % p.rowTiles * p.tileRows; // rows of tiles, as tileRows
  let rows = min(p.tileRows, (p.gridH + 3) / 4 - firstRow);
  let count = (images + 3) / 4 * rows * tilesX(); // of tiles of four images
  let tiles = p.width; // room for their lanes: a multiple of 8
  let next = channels * tiles + 16; // no power of 2, of which all 36 would be in one set of the cache
  let pitch = p.inRows;

  for (var i = lane; i < (rows * 4 + 2) * pitch; i += 4) { staged[i] = vec4f(); }
  for (var image = 0u; image < images; image += 4) {
    let plane = ((firstImage + image) * p.c + group * (p.c / p.group)) * p.h * p.w;
    for (var i = 0u; i < channels; i++) {
      stage(plane + channelRead(list, i) * p.h * p.w, p.c * p.h * p.w, images - 1 - image, firstRow * 4 - p.top, rows * 4 + 2, pitch, lane);
      var to = i * tiles + image * rows * tilesX() + lane;
      for (var row = 0u; row < rows; row++) {
        for (var column = 0u; column < tilesX(); column++) {
          transformRows(row * 4 * pitch + column * 4, pitch, lane);
          for (var k = 0u; k < 6; k++) {
            keepSpectrum(to + k * next, 6 * next, inputsTransformed(sixHalfway(k, 6, lane)));
          }
          to += 4;
        }
      }
    }
  }
  for (var block = firstBlock; block < min(blocks, firstBlock + p.tileBlocks); block++) {
    let packed = ((wg.z * p.group + group) * blocks + block) * p.packedBlock;
    let turns = select(0u, 36u, !listed || block * 4 < channelsMade(list));
    for (var first = 0u; first < count; first += 2) {
      for (var k = 0u; k < turns; k++) {
        var a0 = 0.0; var a1 = 0.0; var a2 = 0.0; var a3 = 0.0;
        var b0 = 0.0; var b1 = 0.0; var b2 = 0.0; var b3 = 0.0;
        var at = k * next + first * 4 + lane;
        var wAt = packed + k * channels * 4;
        for (var i = 0u; i < channels; i++) {
          let x0 = spectrum[at]; let z0 = spectrum[at + 4];
          let w0 = weights[wAt]; let w1 = weights[wAt + 1]; let w2 = weights[wAt + 2]; let w3 = weights[wAt + 3];
          a0 += x0 * w0; a1 += x0 * w1; a2 += x0 * w2; a3 += x0 * w3;
          b0 += z0 * w0; b1 += z0 * w1; b2 += z0 * w2; b3 += z0 * w3;
          at += tiles;
          wAt += 4;
        }
        let to = k * 32 + lane;
        products[to] = a0; products[to + 4] = b0;
        products[to + 8] = a1; products[to + 12] = b1;
        products[to + 16] = a2; products[to + 20] = b2;
        products[to + 24] = a3; products[to + 28] = b3;
      }
      for (var t = first; t < min(first + 2, count); t++) {
        let line = t / tilesX();
        let image = line / rows * 4;
        let oy = (firstRow + line % rows) * 4;
        for (var j = 0u; j < min(4u, outputs - block * 4); j++) {
          let output = block * 4 + j;
          makeTile(j * 8 + (t - first) * 4 + lane, lane);
          let m = group * outputs + channelMade(list, output);
          store(firstImage + image, images - 1 - image, m, !listed || output < channelsMade(list), oy, t % tilesX() * 4, lane);
        }
      }
    }
  }
}
