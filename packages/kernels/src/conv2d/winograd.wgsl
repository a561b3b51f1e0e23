// 3 x 3 convolution of stride 1 on CPUs by Winograd's F(2 x 2, 3 x 3) (Lavin and Gray, arXiv 1509.09308): 16 multiplications in place of 36 for 4 outputs. A
// workgroup of 4 lanes transforms some tiles of all channels into memory of its own; then 16 products of matrices, of 8 tiles x 4 outputs at a
// time in 8 vectors, and the way back. A lane is a tile. Outputs have even sizes.
override words = 16384u;
var<workgroup> spectrum: array<f32, words>; // [16, channel, tile]
var<workgroup> products: array<f32, 512>; // [16, output, 8 tiles]

fn tilesX() -> u32 { return params.gridW / 2; }

fn keep(at: u32, next: u32, v: vec4f) {
  spectrum[at] = v.x;
  spectrum[at + next] = v.y;
  spectrum[at + 2 * next] = v.z;
  spectrum[at + 3 * next] = v.w;
}

fn store(tile: Tile, firstImage: u32, firstRow: u32, group: u32, list: u32, output: u32, from4: u32) {
  let p = params;
  let outputs = p.m / p.group;
  if (output >= outputs) { return; }
  // A' M A, M being 4 rows of 4
  var s0 = vec4f();
  var s1 = vec4f();
  let m0 = productsAt(from4);
  let m1 = productsAt(from4 + 128);
  let m2 = productsAt(from4 + 256);
  let m3 = productsAt(from4 + 384);
  s0 = m0 + m1 + m2;
  s1 = m1 - m2 - m3;
  let m = group * outputs + channelMade(list, output);
  let n = firstImage + tile.image;
  let at = ((n * p.m + m) * p.oh + (firstRow + tile.row) * 2) * p.ow + tile.column * 2;
  if (!listed || output < channelsMade(list)) {
    let offset = biasOf(m);
    let a = finished(s0.x + s0.y + s0.z, offset, n, m, at);
    let b = finished(s0.y - s0.z - s0.w, offset, n, m, at + 1);
    y[at] = a;
    y[at + 1] = b;
    let c = finished(s1.x + s1.y + s1.z, offset, n, m, at + p.ow);
    let d = finished(s1.y - s1.z - s1.w, offset, n, m, at + p.ow + 1);
    y[at + p.ow] = c;
    y[at + p.ow + 1] = d;
  } else {
    y[at] = 0;
    y[at + 1] = 0;
    y[at + p.ow] = 0;
    y[at + p.ow + 1] = 0;
  }
}

fn productsAt(at: u32) -> vec4f { return vec4f(products[at], products[at + 32], products[at + 64], products[at + 96]); }

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let list = listOf(wg.z);
  let channels = channelsRead(list);
  let blocks = (p.m / p.group + 3) / 4;
  let chunks = (blocks + p.tileBlocks - 1) / p.tileBlocks;
  let group = wg.y / chunks;
  let firstBlock = wg.y % chunks * p.tileBlocks;
  let firstImage = wg.z * p.imagesPerCandidate + wg.x / p.rowTiles * p.tileImages;
  let images = min(p.tileImages, wg.z * p.imagesPerCandidate + imagesOfLayer() - firstImage);
  let firstRow = wg.x % p.rowTiles * p.tileRows; // rows of tiles, as tileRows
  let rows = min(p.tileRows, p.gridH / 2 - firstRow);
  let count = images * rows * (p.gridW / 2);
  let tiles = p.width; // room for them: a multiple of 8
  let next = channels * tiles + 16; // no power of 2, of which all 16 would be in one set of the cache

  for (var first = 0u; first < count; first += 4) {
    let tile = tileAt(first, lane, rows, count);
    let iy = (firstRow + tile.row) * 2 - p.top;
    let ix = tile.column * 2 - p.left;
    let image = ((firstImage + min(tile.image, images - 1)) * p.c + group * (p.c / p.group)) * p.h * p.w;
    for (var i = 0u; i < channels; i++) {
      let plane = image + channelRead(list, i) * p.h * p.w;
      let r0 = rowOf(plane, iy, ix);
      let r1 = rowOf(plane, iy + 1, ix);
      let r2 = rowOf(plane, iy + 2, ix);
      let r3 = rowOf(plane, iy + 3, ix);
      let to = i * tiles + first + lane;
      keep(to, next, r0 - r2);
      keep(to + 4 * next, next, r1 + r2);
      keep(to + 8 * next, next, r2 - r1);
      keep(to + 12 * next, next, r1 - r3);
    }
  }
  for (var block = firstBlock; block < min(blocks, firstBlock + p.tileBlocks); block++) {
    let packed = ((wg.z * p.group + group) * blocks + block) * p.packedBlock;
    let turns = select(0u, 16u, !listed || block * 4 < channelsMade(list));
    for (var first = 0u; first < count; first += 8) {
      for (var k = 0u; k < turns; k++) {
        var a0 = 0.0; var a1 = 0.0; var a2 = 0.0; var a3 = 0.0;
        var b0 = 0.0; var b1 = 0.0; var b2 = 0.0; var b3 = 0.0;
        var at = k * next + first + lane;
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
      for (var half = 0u; half < 8; half += 4) {
        let tile = tileAt(first + half, lane, rows, count);
        if (tile.valid) {
          for (var j = 0u; j < 4; j++) {
            store(tile, firstImage, firstRow, group, list, block * 4 + j, j * 8 + half + lane);
          }
        }
      }
    }
  }
}
