// Depthwise 3 x 3 convolution of stride and dilation 1: every input row goes into three rows of outputs, of which the uppermost is then complete:
// 6 inputs serve 36 multiply-adds.
fn taps(sum: vec4f, a: vec4f, b: vec2f, weight: vec3f) -> vec4f {
  return sum + a * weight.x + vec4f(a.yzw, b.x) * weight.y + vec4f(a.zw, b) * weight.z;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let p = params;
  if (id.x >= walks()) { return; }
  let walk = walkOf(id.x);
  let w0 = weightsOfRow(walk.m, 0);
  let w1 = weightsOfRow(walk.m, 1);
  let w2 = weightsOfRow(walk.m, 2);

  let ix = walk.ox - p.left;
  let left = vec4u(ix, ix + 1, ix + 2, ix + 3) < vec4u(p.w);
  let right = vec2u(ix + 4, ix + 5) < vec2u(p.w);
  var iy = walk.firstRow - p.top;
  var base = walk.inChannel + iy * p.w + ix;
  var at = walk.at; // of the row that is complete next
  let offset = biasOf(walk.m);
  // sums of the rows that have seen 2 inputs, 1 input, none
  var two = vec4f();
  var one = vec4f();
  for (var i = 0u; i < rowsOf(walk) + 2; i++) {
    let a = vec4f(x[base], x[base + 1], x[base + 2], x[base + 3]);
    let b = vec2f(x[base + 4], x[base + 5]);
    let inA = select(vec4f(), a, left & vec4<bool>(iy < p.h));
    let inB = select(vec2f(), b, right & vec2<bool>(iy < p.h));
    let sum = taps(two, inA, inB, w2);
    two = taps(one, inA, inB, w1);
    one = taps(vec4f(), inA, inB, w0);
    iy++;
    base += p.w;
    if (i >= 2) {
      finishRow(sum, offset, walk, at);
      at += p.ow;
    }
  }
}
