// What the depthwise 3 x 3 kernels share: an invocation walks down 4 columns of 8 rows of one channel's outputs.
struct Walk {
  n: u32,
  m: u32,
  firstRow: u32,
  ox: u32,
  inChannel: u32, // where its channel of x begins
  at: u32, // of the first output
}

fn tilesX() -> u32 { return (params.ow + 3) / 4; }
fn tiles() -> u32 { return tilesX() * ((params.oh + 7) / 8); }
fn walks() -> u32 { return params.n * params.m * tiles(); }
fn outputsOfGroup() -> u32 { return params.m / params.group; }

fn walkOf(index: u32) -> Walk {
  let firstRow = index % tiles() / tilesX() * 8;
  let ox = index % tilesX() * 4;
  let m = index / tiles() % params.m;
  let n = index / (tiles() * params.m);
  let inChannel = (n * params.c + m / outputsOfGroup()) * params.h * params.w;
  return Walk(n, m, firstRow, ox, inChannel, ((n * params.m + m) * params.oh + firstRow) * params.ow + ox);
}

fn rowsOf(walk: Walk) -> u32 { return min(8, params.oh - walk.firstRow); }

fn weightsOfRow(m: u32, row: u32) -> vec3f {
  let p = params;
  let start = p.weightBase + m / outputsOfGroup() * p.weightGroup + m % outputsOfGroup() * p.weightOut + row * p.weightY;
  return vec3f(weights[start], weights[start + p.weightX], weights[start + 2 * p.weightX]);
}

fn finishRow(sum: vec4f, offset: f32, walk: Walk, at: u32) {
  finish(sum.x, offset, walk.n, walk.m, at);
  if (walk.ox + 1 < params.ow) { finish(sum.y, offset, walk.n, walk.m, at + 1); }
  if (walk.ox + 2 < params.ow) { finish(sum.z, offset, walk.n, walk.m, at + 2); }
  if (walk.ox + 3 < params.ow) { finish(sum.w, offset, walk.n, walk.m, at + 3); }
}
