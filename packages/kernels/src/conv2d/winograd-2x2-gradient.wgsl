// The transforms of F(2 x 2, 3 x 3) for weight-gradient-winograd.wgsl.
const size = 2u;
const points = 16u;

fn keepRow(at: u32, next: u32, lane: u32, v: vec4f) {
  spectrum[at][lane] = v.x;
  spectrum[at + next][lane] = v.y;
  spectrum[at + 2 * next][lane] = v.z;
  spectrum[at + 3 * next][lane] = v.w;
}

/** Four inputs of a row, times B'. */
fn rowOf(at: u32, lane: u32) -> vec4f {
  let d = vec4f(staged[at][lane], staged[at + 1][lane], staged[at + 2][lane], staged[at + 3][lane]);
  return vec4f(d.x - d.z, d.y + d.z, d.z - d.y, d.y - d.w);
}

/** B' x B of the 4 x 4 staged from `at` on. */
fn transformInputs(at: u32, to: u32, next: u32, lane: u32) {
  let r0 = rowOf(at, lane);
  let r1 = rowOf(at + params.pitch, lane);
  let r2 = rowOf(at + 2 * params.pitch, lane);
  let r3 = rowOf(at + 3 * params.pitch, lane);
  keepRow(to, next, lane, r0 - r2);
  keepRow(to + 4 * next, next, lane, r1 + r2);
  keepRow(to + 8 * next, next, lane, r2 - r1);
  keepRow(to + 12 * next, next, lane, r1 - r3);
}

/** A dy A' of the 2 x 2 staged from `at` on. */
fn transformGradients(at: u32, to: u32, next: u32, lane: u32) {
  let a = staged[at][lane];
  let b = staged[at + 1][lane];
  let c = staged[at + params.pitch][lane];
  let d = staged[at + params.pitch + 1][lane];
  keepRow(to, next, lane, vec4f(a, a + b, a - b, -b));
  keepRow(to + 4 * next, next, lane, vec4f(a + c, a + c + (b + d), a + c - (b + d), -b - d));
  keepRow(to + 8 * next, next, lane, vec4f(a - c, a - c + (b - d), a - c - (b - d), d - b));
  keepRow(to + 12 * next, next, lane, vec4f(-c, -c - d, d - c, d));
}
