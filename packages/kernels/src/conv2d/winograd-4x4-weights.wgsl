// G w G' of F(4 x 4, 3 x 3) for winograd-weights.wgsl.
const root = 1.4142135623730951;
var<workgroup> halfway: array<f32, 72>; // [6, 3, output]

struct Six { a: f32, b: f32, c: f32, d: f32, e: f32, f: f32 }

/** G g, g being three weights along a row or column. */
fn spread(g: vec3f) -> Six {
  let outer = g.x * (-2.0 / 3.0) + g.z * (-1.0 / 3.0);
  let middle = g.y * (root / 3.0);
  let far = g.x * (1.0 / 6.0) + g.z * (1.0 / 3.0);
  let side = g.y * (root / 6.0);
  return Six(g.x, outer - middle, outer + middle, far + side, far - side, g.z);
}

/** The weights at `at` of each lane to `to`, `next` being from one of the 36 to the next. */
fn transform(at: u32, to: u32, next: u32, lane: u32) {
  for (var x = 0u; x < 3; x++) {
    let column = at + x * params.weightX;
    let six = spread(vec3f(weights[column], weights[column + params.weightY], weights[column + 2 * params.weightY]));
    let kept = x * 4 + lane;
    halfway[kept] = six.a;
    halfway[kept + 12] = six.b;
    halfway[kept + 24] = six.c;
    halfway[kept + 36] = six.d;
    halfway[kept + 48] = six.e;
    halfway[kept + 60] = six.f;
  }
  for (var row = 0u; row < 6; row++) {
    let kept = row * 12 + lane;
    let six = spread(vec3f(halfway[kept], halfway[kept + 4], halfway[kept + 8]));
    let first = to + row * 6 * next;
    y[first] = six.a;
    y[first + next] = six.b;
    y[first + 2 * next] = six.c;
    y[first + 3 * next] = six.d;
    y[first + 4 * next] = six.e;
    y[first + 5 * next] = six.f;
  }
}
