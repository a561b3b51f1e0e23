// Tiles of 2 x 2 outputs, four lanes at a time, and a row of the 4 x 4 inputs of each: what the kernels by Winograd's filtering share.
override aligned = true; // rows of tiles are multiples of 4: four lanes are neighbours in one

struct Tile { image: u32, row: u32, column: u32, valid: bool }

fn tileAt(first: u32, lane: u32, rows: u32, count: u32) -> Tile {
  if (aligned) {
    let line = first / tilesX();
    return Tile(line / rows, line % rows, first % tilesX() + lane, first < count);
  }
  let t = first + lane;
  let line = t / tilesX();
  return Tile(line / rows, line % rows, t % tilesX(), t < count);
}

/** Four inputs of a row, times B'. */
fn rowOf(plane: u32, iy: u32, ix: u32) -> vec4f {
  let w = params.w;
  var d = vec4f();
  if (aligned) {
    if (iy < params.h) {
      let at = plane + iy * w + ix;
      d = select(vec4f(), vec4f(x[at], x[at + 1], x[at + 2], x[at + 3]), vec4u(ix, ix + 1, ix + 2, ix + 3) < vec4u(w));
    }
  } else {
    let at = plane + iy * w + ix;
    let inside = (vec4u(ix, ix + 1, ix + 2, ix + 3) < vec4u(w)) & vec4<bool>(iy < params.h);
    d = select(vec4f(), vec4f(x[at], x[at + 1], x[at + 2], x[at + 3]), inside);
  }
  return vec4f(d.x - d.z, d.y + d.z, d.z - d.y, d.y - d.w);
}
