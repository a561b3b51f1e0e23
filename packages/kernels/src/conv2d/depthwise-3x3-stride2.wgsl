// Depthwise 3 x 3 convolution of stride 2 and dilation 1: an even input row is the last of one row of outputs and the first of the next, an odd
// one the middle of one: 18 inputs serve 36 multiply-adds.
struct Row {
  even: vec4f, // columns 0, 2, 4, 6
  odd: vec4f, // columns 1, 3, 5, 7
  last: f32, // column 8
}

fn rowAt(base: u32, ix: u32, inside: bool) -> Row {
  let w = params.w;
  let even = vec4f(x[base], x[base + 2], x[base + 4], x[base + 6]);
  let odd = vec4f(x[base + 1], x[base + 3], x[base + 5], x[base + 7]);
  let columns = vec4u(ix, ix + 2, ix + 4, ix + 6);
  return Row(
    select(vec4f(), even, (columns < vec4u(w)) & vec4<bool>(inside)),
    select(vec4f(), odd, (columns + vec4u(1) < vec4u(w)) & vec4<bool>(inside)),
    select(0, x[base + 8], ix + 8 < w && inside),
  );
}

fn taps(sum: vec4f, row: Row, weight: vec3f) -> vec4f {
  return sum + row.even * weight.x + row.odd * weight.y + vec4f(row.even.yzw, row.last) * weight.z;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let p = params;
  if (id.x >= walks()) { return; }
  let walk = walkOf(id.x);
  let w0 = weightsOfRow(walk.m, 0);
  let w1 = weightsOfRow(walk.m, 1);
  let w2 = weightsOfRow(walk.m, 2);

  let ix = 2 * walk.ox - p.left;
  var iy = 2 * walk.firstRow - p.top;
  var base = walk.inChannel + iy * p.w + ix;
  var at = walk.at;
  let offset = biasOf(walk.m);
  var sum = taps(vec4f(), rowAt(base, ix, iy < p.h), w0);
  for (var i = 0u; i < rowsOf(walk); i++) {
    let middle = rowAt(base + p.w, ix, iy + 1 < p.h);
    iy += 2;
    base += 2 * p.w;
    let row = rowAt(base, ix, iy < p.h);
    finishRow(taps(taps(sum, middle, w1), row, w2), offset, walk, at);
    sum = taps(vec4f(), row, w0);
    at += p.ow;
  }
}
