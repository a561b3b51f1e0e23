// G of F(4 x 4, 3 x 3) for weight-gradient-winograd-sum.wgsl.
const side = 6u;
const root = 1.4142135623730951;

/** Six values along a row or column, times G. */
fn gathered(a: f32, b: f32, c: f32, d: f32, e: f32, f: f32) -> vec3f {
  let near = b + c;
  let far = d + e;
  return vec3f(a - near * (2.0 / 3.0) + far * (1.0 / 6.0), (c - b) * (root / 3.0) + (d - e) * (root / 6.0), (far - near) * (1.0 / 3.0) + f);
}

fn columnGathered(at: u32, next: u32) -> vec3f {
  return gathered(summed(at), summed(at + next), summed(at + 2 * next), summed(at + 3 * next), summed(at + 4 * next), summed(at + 5 * next));
}

fn rowGathered(at: u32) -> vec3f {
  return gathered(halfway[at], halfway[at + 4], halfway[at + 8], halfway[at + 12], halfway[at + 16], halfway[at + 20]);
}
