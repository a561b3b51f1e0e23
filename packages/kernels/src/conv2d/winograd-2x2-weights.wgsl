// G w G' of F(2 x 2, 3 x 3) for winograd-weights.wgsl.
fn column(at: u32) -> vec3f { return vec3f(weights[at], weights[at + params.weightY], weights[at + 2 * params.weightY]); }
fn spread(g: vec3f) -> vec4f {
  let outer = (g.x + g.z) * 0.5;
  let middle = g.y * 0.5;
  return vec4f(g.x, outer + middle, outer - middle, g.z);
}

/** The weights at `at` of each lane to `to`, `next` being from one of the 16 to the next. */
fn transform(at: u32, to: u32, next: u32, lane: u32) {
  let a = spread(column(at));
  let b = spread(column(at + params.weightX));
  let c = spread(column(at + 2 * params.weightX));
  for (var row = 0u; row < 4; row++) {
    let u = spread(vec3f(a[row], b[row], c[row]));
    let first = to + row * 4 * next;
    y[first] = u.x;
    y[first + next] = u.y;
    y[first + 2 * next] = u.z;
    y[first + 3 * next] = u.w;
  }
}
