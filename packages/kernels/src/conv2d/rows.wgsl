// Convolution on CPUs. A workgroup of 4 lanes copies rows of some images, with borders of zeros, into memory of its own, where all channels of a row lie side by
// side: so one loop without any test runs over channels and rows of taps. 8 pixels x 4 outputs are summed at a time, in 8 vectors: 2 loads of pixels and 4
// of weights (packed in the order they are met, pack-weights.wgsl) for 32 multiply-adds. A lane is a pixel of a row, or, where images are tiny, an image.
override stepX = 1u; // columns of x from one output to the next
override byImages = false;
override pairs = false; // narrow images: 4 pixels of two rows, not 8 of one
override words = 16384u;
var<workgroup> tile: array<f32, words>; // [image, row, column phase, channel, column], or [row, column phase, channel, column, image]

/** Copies a run of `params.width` columns from x's row `from`, or zeros, to `to`. */
fn copyRow(source: u32, inside: bool, first: u32, to: u32, lane: u32) {
  if (inside) {
    for (var q = 0u; q < params.width; q += 4) {
      let column = (q + lane) * stepX + first;
      tile[to + q + lane] = select(0, x[source + column], column < params.w);
    }
  } else {
    for (var q = 0u; q < params.width; q += 4) { tile[to + q + lane] = 0; }
  }
}

/** The same of 8 images, which lie side by side. */
fn copyImages(source: u32, inside: bool, first: u32, to: u32, images: u32, lane: u32) {
  let image = params.c * params.h * params.w;
  for (var q = 0u; q < params.width; q++) {
    let column = q * stepX + first;
    let valid = inside && column < params.w;
    for (var i = lane; i < 8; i += 4) {
      tile[to + q * 8 + i] = select(0, x[source + column + min(i, images - 1) * image], valid);
    }
  }
}

fn copyTile(list: u32, group: u32, firstImage: u32, images: u32, firstRow: u32, lane: u32) {
  let p = params;
  let channels = channelsRead(list);
  let blocks = select(images, 1, byImages);
  // Rows innermost: a channel's rows are neighbours in memory, where those of the next channel lie a whole plane further.
  for (var block = 0u; block < blocks; block++) {
    for (var i = 0u; i < channels; i++) {
      let plane = (firstImage + block) * p.c + group * (p.c / p.group) + channelRead(list, i);
      for (var row = 0u; row < p.inRows; row++) {
        let iy = firstRow * p.inStepY - p.top + row;
        let source = (plane * p.h + iy) * p.w;
        for (var phase = 0u; phase < stepX; phase++) {
          let to = ((block * p.inRows + row) * stepX + phase) * channels + i;
          if (byImages) {
            copyImages(source, iy < p.h, phase - p.left, to * p.width * 8, images, lane);
          } else {
            copyRow(source, iy < p.h, phase - p.left, to * p.width, lane);
          }
        }
      }
    }
  }
}

/** Stores 4 outputs of the pixels of all lanes. */
fn store(s0: f32, s1: f32, s2: f32, s3: f32, n: u32, group: u32, list: u32, first: u32, gy: u32, gx: u32) {
  let p = params;
  let outputs = p.m / p.group;
  let made = channelsMade(list);
  let pixel = (gy * p.outStepY + p.outTop) * p.ow + gx * outStepX + p.outLeft;
  let plane = p.oh * p.ow;
  storeOne(s0, n, group * outputs + channelMade(list, first), !listed || first < made, plane, pixel);
  if (first + 1 < outputs) { storeOne(s1, n, group * outputs + channelMade(list, first + 1), !listed || first + 1 < made, plane, pixel); }
  if (first + 2 < outputs) { storeOne(s2, n, group * outputs + channelMade(list, first + 2), !listed || first + 2 < made, plane, pixel); }
  if (first + 3 < outputs) { storeOne(s3, n, group * outputs + channelMade(list, first + 3), !listed || first + 3 < made, plane, pixel); }
}

override outStepX = 1u;
fn storeOne(sum: f32, n: u32, m: u32, isMade: bool, plane: u32, pixel: u32) {
  let at = (n * params.m + m) * plane + pixel;
  if (isMade) { finish(sum, biasOf(m), n, m, at); } else { y[at] = 0; }
}

/** Stores one output of 8 pixels. */
fn storeTwo(a: f32, b: f32, n: u32, m: u32, at: u32) {
  let offset = biasOf(m);
  finish(a, offset, n, m, at);
  finish(b, offset, n, m, at + 4);
}

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
  let firstRow = wg.x % p.rowTiles * p.tileRows;
  let rows = min(p.tileRows, p.gridH - firstRow);
  copyTile(list, group, firstImage, images, firstRow, lane);

  // Words from a pixel to the next, from a row of a channel to that of the next channel, and from row to row.
  let unit = select(1u, 8u, byImages);
  let run = p.width * unit;
  let rowStride = stepX * channels * run;
  let imageStride = p.inRows * rowStride;
  // Where rows of taps are neighbours too, one loop takes them all.
  let flat = stepX == 1 && p.tapY == 1;
  let turns = select(p.tapsY, 1, flat);
  let inner = select(channels, channels * p.tapsY, flat);
  let second = select(4, p.inStepY * rowStride, pairs);
  let stepColumns = select(select(8u, 4u, pairs), 1, byImages);
  let stepRows = select(1u, 2u, pairs);

  for (var block = firstBlock; block < min(blocks, firstBlock + p.tileBlocks); block++) {
    let packed = ((wg.z * p.group + group) * blocks + block) * p.packedBlock;
    let columns = select(0u, p.tapsX, !listed || block * 4 < channelsMade(list));
    for (var image = 0u; image < select(images, 1, byImages); image++) {
      for (var row = 0u; row < rows; row += stepRows) {
        for (var column = 0u; column < p.gridW; column += stepColumns) {
          var a0 = 0.0; var a1 = 0.0; var a2 = 0.0; var a3 = 0.0;
          var b0 = 0.0; var b1 = 0.0; var b2 = 0.0; var b3 = 0.0;
          let start = image * imageStride + row * p.inStepY * rowStride + column * unit + lane;
          for (var tx = 0u; tx < columns; tx++) {
            let tap = tx * p.tapX;
            for (var ty = 0u; ty < turns; ty++) {
              var at = start + tap % stepX * channels * run + tap / stepX * unit + ty * p.tapY * rowStride;
              var wAt = packed + (tx * p.tapsY + ty) * channels * 4;
              for (var i = 0u; i < inner; i++) {
                let x0 = tile[at]; let z0 = tile[at + second];
                let w0 = weights[wAt]; let w1 = weights[wAt + 1]; let w2 = weights[wAt + 2]; let w3 = weights[wAt + 3];
                a0 += x0 * w0; a1 += x0 * w1; a2 += x0 * w2; a3 += x0 * w3;
                b0 += z0 * w0; b1 += z0 * w1; b2 += z0 * w2; b3 += z0 * w3;
                at += run;
                wAt += 4;
              }
            }
          }
          if (byImages) {
            if (lane < images) { store(a0, a1, a2, a3, firstImage + lane, group, list, block * 4, firstRow + row, column); }
            if (lane + 4 < images) { store(b0, b1, b2, b3, firstImage + lane + 4, group, list, block * 4, firstRow + row, column); }
          } else if (!pairs && !listed && outStepX == 1 && column + 8 <= p.gridW && block * 4 + 4 <= p.m / p.group) {
            // Nothing to be left out: vectors are stored whole.
            let n = firstImage + image;
            let m = group * (p.m / p.group) + block * 4;
            let plane = p.oh * p.ow;
            let first = (n * p.m + m) * plane + ((firstRow + row) * p.outStepY + p.outTop) * p.ow + column + p.outLeft + lane;
            storeTwo(a0, b0, n, m, first);
            storeTwo(a1, b1, n, m + 1, first + plane);
            storeTwo(a2, b2, n, m + 2, first + 2 * plane);
            storeTwo(a3, b3, n, m + 3, first + 3 * plane);
          } else {
            let n = firstImage + image;
            let gy = firstRow + row;
            if (column + lane < p.gridW) { store(a0, a1, a2, a3, n, group, list, block * 4, gy, column + lane); }
            if (pairs) {
              if (row + 1 < rows && column + lane < p.gridW) { store(b0, b1, b2, b3, n, group, list, block * 4, gy + 1, column + lane); }
            } else if (column + 4 + lane < p.gridW) { store(b0, b1, b2, b3, n, group, list, block * 4, gy, column + 4 + lane); }
          }
        }
      }
    }
  }
}
