// The transforms of F(2 x 2, 3 x 3) for winograd.wgsl: 16 multiplications in place of 36 for 4 outputs. Four lanes are tiles that follow one another, so that
// single images are computed too. Outputs have even sizes.
const size = 2u;
const points = 16u;
const together = 1u; // images of a tile
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

fn keep(at: u32, next: u32, v: vec4f) {
  spectrum[at] = v.x;
  spectrum[at + next] = v.y;
  spectrum[at + 2 * next] = v.z;
  spectrum[at + 3 * next] = v.w;
}

fn transformInputs(area: Area, lane: u32) {
  let p = params;
  for (var first = 0u; first < area.count; first += 4) {
    let tile = tileAt(first, lane, area.rows, area.count);
    let iy = (area.firstRow + tile.row) * 2 - p.top;
    let ix = tile.column * 2 - p.left;
    let image = ((area.firstImage + min(tile.image, area.images - 1)) * p.c + area.group * (p.c / p.group)) * p.h * p.w;
    for (var i = 0u; i < area.channels; i++) {
      let plane = image + channelRead(area.list, i) * p.h * p.w;
      let r0 = rowOf(plane, iy, ix);
      let r1 = rowOf(plane, iy + 1, ix);
      let r2 = rowOf(plane, iy + 2, ix);
      let r3 = rowOf(plane, iy + 3, ix);
      let to = i * area.tiles + first + lane;
      keep(to, area.next, r0 - r2);
      keep(to + 4 * area.next, area.next, r1 + r2);
      keep(to + 8 * area.next, area.next, r2 - r1);
      keep(to + 12 * area.next, area.next, r1 - r3);
    }
  }
}

fn productsAt(at: u32) -> vec4f { return vec4f(products[at], products[at + 32], products[at + 64], products[at + 96]); }

fn store(area: Area, tile: Tile, output: u32, from4: u32) {
  let p = params;
  let outputs = p.m / p.group;
  // A' M A, M being 4 rows of 4
  var s0 = vec4f();
  var s1 = vec4f();
  let m0 = productsAt(from4);
  let m1 = productsAt(from4 + 128);
  let m2 = productsAt(from4 + 256);
  let m3 = productsAt(from4 + 384);
  s0 = m0 + m1 + m2;
  s1 = m1 - m2 - m3;
  let m = area.group * outputs + channelMade(area.list, output);
  let n = area.firstImage + tile.image;
  let at = ((n * p.m + m) * p.oh + (area.firstRow + tile.row) * 2) * p.ow + tile.column * 2;
  if (!listed || output < channelsMade(area.list)) {
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

/** Four tiles from `first` on, of outputs of a block; `half` is where their products are. */
fn storeTiles(area: Area, first: u32, half: u32, output: u32, outputs: u32, lane: u32) {
  let tile = tileAt(first, lane, area.rows, area.count);
  if (tile.valid) {
    for (var j = 0u; j < outputs; j++) { store(area, tile, output + j, j * 8 + half + lane); }
  }
}
