// The transforms of F(4 x 4, 3 x 3) for winograd.wgsl: 36 multiplications in place of 144 for 16 outputs. Four lanes are images of one tile, so that tiles of any place and
// grids of any size are alike.
const together = 4u; // images of a tile
var<workgroup> made: array<vec4f, 16>; // [4, 4] of images
override whole = true; // tiles do not reach over the right edge

fn keepSpectrum(at: u32, next: u32, v: Six) {
  spectrum[at] = v.a;
  spectrum[at + next] = v.b;
  spectrum[at + 2 * next] = v.c;
  spectrum[at + 3 * next] = v.d;
  spectrum[at + 4 * next] = v.e;
  spectrum[at + 5 * next] = v.f;
}

fn transformInputs(area: Area, lane: u32) {
  let p = params;
  let plane = p.h * p.w;
  let pitch = p.inRows;
  let rows = area.rows * 4 + 2;
  clearStage(rows * pitch, lane);
  for (var image = 0u; image < area.images; image += 4) {
    let first = ((area.firstImage + image) * p.c + area.group * (p.c / p.group)) * plane;
    for (var i = 0u; i < area.channels; i++) {
      let channel = first + channelRead(area.list, i) * plane;
      stage(&x, channel, p.c * plane, area.images - 1 - image, p.h, p.w, area.firstRow * 4 - p.top, rows, p.left, pitch, lane);
      var to = i * area.tiles + image * area.rows * tilesX() + lane;
      for (var row = 0u; row < area.rows; row++) {
        for (var column = 0u; column < tilesX(); column++) {
          transformRows(row * 4 * pitch + column * 4, pitch, lane);
          for (var k = 0u; k < 6; k++) {
            keepSpectrum(to + k * area.next, 6 * area.next, inputsTransformed(sixHalfway(k, 6, lane)));
          }
          to += 4;
        }
      }
    }
  }
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

/** A tile of four images, of outputs of a block; `half` is where its products are. */
fn storeTiles(area: Area, first: u32, half: u32, output: u32, outputs: u32, lane: u32) {
  if (first >= area.count) { return; }
  let t = first / 4;
  let line = t / tilesX();
  let image = line / area.rows * 4;
  let oy = (area.firstRow + line % area.rows) * 4;
  let firstOutput = area.group * (params.m / params.group);
  for (var j = 0u; j < outputs; j++) {
    makeTile(j * 8 + half + lane, lane);
    let isMade = !listed || output + j < channelsMade(area.list);
    store(area.firstImage + image, area.images - 1 - image, firstOutput + channelMade(area.list, output + j), isMade, oy, t % tilesX() * 4, lane);
  }
}
