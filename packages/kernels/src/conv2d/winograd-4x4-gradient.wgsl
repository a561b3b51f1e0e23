// The transforms of F(4 x 4, 3 x 3) for weight-gradient-winograd.wgsl.
fn keepSpectrum(at: u32, next: u32, lane: u32, v: Six) {
  spectrum[at][lane] = v.a;
  spectrum[at + next][lane] = v.b;
  spectrum[at + 2 * next][lane] = v.c;
  spectrum[at + 3 * next][lane] = v.d;
  spectrum[at + 4 * next][lane] = v.e;
  spectrum[at + 5 * next][lane] = v.f;
}

/** A v, v being 4 gradients along a row or column. */
fn gradientsTransformed(a: f32, b: f32, c: f32, d: f32) -> Six {
  let evenNear = fma(c, 0.5, a);
  let oddNear = fma(d, 0.5, b) * halfRoot;
  let evenFar = fma(c, 2.0, a);
  let oddFar = fma(d, 2.0, b) * root;
  return Six(a, evenNear + oddNear, evenNear - oddNear, evenFar + oddFar, evenFar - oddFar, d);
}

/** B' x B of the 6 x 6 staged from `at` on. */
fn transformInputs(at: u32, to: u32, next: u32, lane: u32) {
  transformRows(at, params.pitch, lane);
  for (var k = 0u; k < 6; k++) {
    keepSpectrum(to + k * next, 6 * next, lane, inputsTransformed(sixHalfway(k, 6, lane)));
  }
}

/** A dy A' of the 4 x 4 staged from `at` on. */
fn transformGradients(at: u32, to: u32, next: u32, lane: u32) {
  for (var row = 0u; row < 4; row++) {
    let first = at + row * params.pitch;
    let six = gradientsTransformed(staged[first][lane], staged[first + 1][lane], staged[first + 2][lane], staged[first + 3][lane]);
    keepHalfway(row * 6, 1, lane, six);
  }
  for (var k = 0u; k < 6; k++) {
    let six = gradientsTransformed(halfway[k][lane], halfway[k + 6][lane], halfway[k + 12][lane], halfway[k + 18][lane]);
    keepSpectrum(to + k * next, 6 * next, lane, six);
  }
}
