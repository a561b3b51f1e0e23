// 3 x 3 convolution of stride 1 on CPUs by Winograd's minimal filtering (Lavin and Gray, arXiv 1509.09308), in tiles of size x size outputs: what winograd-2x2.wgsl and
// winograd-4x4.wgsl, which have the transforms, share. A workgroup of 4 lanes transforms some tiles of all channels into memory of its own; then
// `points` products of matrices, of 8 tiles x 4 outputs at a time in 8 vectors, and the way back. A lane is a tile, or an image of one.
override words = 16384u;
var<workgroup> spectrum: array<f32, words>; // [points, channel, tile]
var<workgroup> products: array<f32, points * 32>; // [points, output, 8 tiles]

/** What a workgroup computes. */
struct Area {
  list: u32, group: u32, channels: u32,
  firstImage: u32, images: u32,
  firstRow: u32, rows: u32, // of tiles
  count: u32, // of tiles, those of images that there are not among them
  tiles: u32, // room for them: a multiple of 8
  next: u32, // from one of the points to the next
}

fn tilesX() -> u32 { return (params.gridW + size - 1) / size; }

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  var area: Area;
  area.list = listOf(wg.z);
  area.channels = channelsRead(area.list);
  let outputs = p.m / p.group;
  let blocks = (outputs + 3) / 4;
  let chunks = (blocks + p.tileBlocks - 1) / p.tileBlocks;
  area.group = wg.y / chunks;
  let firstBlock = wg.y % chunks * p.tileBlocks;
  let ofCandidate = wg.x / p.rowTiles * p.tileImages;
  area.firstImage = wg.z * p.imagesPerCandidate + ofCandidate;
  area.images = min(p.tileImages, imagesOfLayer() - ofCandidate);
  area.firstRow = wg.x % p.rowTiles * p.tileRows;
  area.rows = min(p.tileRows, (p.gridH + size - 1) / size - area.firstRow);
  area.count = (area.images + together - 1) / together * together * area.rows * tilesX();
  area.tiles = p.width;
  area.next = area.channels * area.tiles + 16; // no power of 2, of which all points would be in one set of the cache

  transformInputs(area, lane);
  for (var block = firstBlock; block < min(blocks, firstBlock + p.tileBlocks); block++) {
    let packed = ((wg.z * p.group + area.group) * blocks + block) * p.packedBlock;
    let turns = select(0u, points, !listed || block * 4 < channelsMade(area.list));
    for (var first = 0u; first < area.count; first += 8) {
      for (var k = 0u; k < turns; k++) {
        var a0 = 0.0; var a1 = 0.0; var a2 = 0.0; var a3 = 0.0;
        var b0 = 0.0; var b1 = 0.0; var b2 = 0.0; var b3 = 0.0;
        var at = k * area.next + first + lane;
        var wAt = packed + k * area.channels * 4;
        for (var i = 0u; i < area.channels; i++) {
          let x0 = spectrum[at]; let z0 = spectrum[at + 4];
          let w0 = weights[wAt]; let w1 = weights[wAt + 1]; let w2 = weights[wAt + 2]; let w3 = weights[wAt + 3];
          a0 += x0 * w0; a1 += x0 * w1; a2 += x0 * w2; a3 += x0 * w3;
          b0 += z0 * w0; b1 += z0 * w1; b2 += z0 * w2; b3 += z0 * w3;
          at += area.tiles;
          wAt += 4;
        }
        let to = k * 32 + lane;
        products[to] = a0; products[to + 4] = b0;
        products[to + 8] = a1; products[to + 12] = b1;
        products[to + 16] = a2; products[to + 20] = b2;
        products[to + 24] = a3; products[to + 28] = b3;
      }
      for (var half = 0u; half < 8; half += 4) { storeTiles(area, first + half, half, block * 4, min(4u, outputs - block * 4), lane); }
    }
  }
}
