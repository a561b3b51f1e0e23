// Planes (channels of images) four at a time, side by side, as winograd-4x4.wgsl and the weight gradient want them.
override stagedWords = 256u;
var<workgroup> staged: array<vec4f, stagedWords>; // [row, pitch]

/** Zeros around what is staged. */
fn clearStage(words: u32, lane: u32) {
  for (var i = lane; i < words; i += 4) { staged[i] = vec4f(); }
}

/**
 * Rows of four planes of h x w from row `first` on, from column `left` on; rows outside of the planes are 0. `plane` is the first, `next` from one to the next; where there
 * are but `rest` beyond the first, the last is taken again. A lane is a column.
 */
fn stage(source: ptr<storage, array<f32>, read_write>, plane: u32, next: u32, rest: u32, h: u32, w: u32, first: u32, rows: u32, left: u32, pitch: u32, lane: u32) {
  let p1 = plane + min(rest, 1) * next;
  let p2 = plane + min(rest, 2) * next;
  let p3 = plane + min(rest, 3) * next;
  for (var row = 0u; row < rows; row++) {
    let to = row * pitch + left + lane;
    if (first + row < h) {
      let line = (first + row) * w;
      for (var column = 0u; column < w; column += 4) {
        let at = line + column + lane;
        let v = vec4f((*source)[plane + at], (*source)[p1 + at], (*source)[p2 + at], (*source)[p3 + at]);
        staged[to + column] = select(vec4f(), v, column + lane < w);
      }
    } else {
      for (var column = 0u; column < w; column += 4) { staged[to + column] = vec4f(); }
    }
  }
}
