// F(4 x 4, 3 x 3) with the points 0, +-sqrt(1/2), +-sqrt(2) and infinity, whose rounding errors are several times smaller than those of the usual 0, +-1,
// +-2 (Barabasz et al., arXiv 1803.10986): what the convolution and its weight gradient share.
const size = 4u;
const points = 36u;
const root = 1.4142135623730951;
const halfRoot = 0.7071067811865476;

var<workgroup> halfway: array<vec4f, 36>;

struct Six { a: f32, b: f32, c: f32, d: f32, e: f32, f: f32 }

/** B' v, v being 6 inputs along a row or column. */
fn inputsTransformed(v: Six) -> Six {
  let evenFar = fma(v.c, -2.0, v.e);
  let oddFar = fma(v.d, halfRoot, v.b * -root);
  let evenNear = fma(v.c, -0.5, v.e);
  let oddNear = fma(v.d, root, v.b * -halfRoot);
  return Six(fma(v.c, -2.5, v.a) + v.e, evenFar + oddFar, evenFar - oddFar, evenNear + oddNear, evenNear - oddNear, fma(v.d, -2.5, v.b) + v.f);
}

fn keepHalfway(at: u32, next: u32, lane: u32, v: Six) {
  halfway[at][lane] = v.a;
  halfway[at + next][lane] = v.b;
  halfway[at + 2 * next][lane] = v.c;
  halfway[at + 3 * next][lane] = v.d;
  halfway[at + 4 * next][lane] = v.e;
  halfway[at + 5 * next][lane] = v.f;
}

fn sixHalfway(at: u32, next: u32, lane: u32) -> Six {
  return Six(halfway[at][lane], halfway[at + next][lane], halfway[at + 2 * next][lane], halfway[at + 3 * next][lane], halfway[at + 4 * next][lane], halfway[at + 5 * next][lane]);
}

/** The rows of B' x B, x being the 6 x 6 staged from `at` on, rows `pitch` apart: [row of x, column]. */
fn transformRows(at: u32, pitch: u32, lane: u32) {
  for (var row = 0u; row < 6; row++) {
    let from4 = at + row * pitch;
    let six = Six(staged[from4][lane], staged[from4 + 1][lane], staged[from4 + 2][lane], staged[from4 + 3][lane], staged[from4 + 4][lane], staged[from4 + 5][lane]);
    keepHalfway(row * 6, 1, lane, inputsTransformed(six));
  }
}
