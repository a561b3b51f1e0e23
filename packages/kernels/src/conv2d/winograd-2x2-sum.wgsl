// G of F(2 x 2, 3 x 3) for weight-gradient-winograd-sum.wgsl.
const side = 4u;

/** Four values along a row or column, times G. */
fn gathered(v: vec4f) -> vec3f {
  return vec3f(v.x + (v.y + v.z) * 0.5, (v.y - v.z) * 0.5, (v.y + v.z) * 0.5 + v.w);
}

fn columnGathered(at: u32, next: u32) -> vec3f {
  return gathered(vec4f(summed(at), summed(at + next), summed(at + 2 * next), summed(at + 3 * next)));
}

fn rowGathered(at: u32) -> vec3f { return gathered(vec4f(halfway[at], halfway[at + 4], halfway[at + 8], halfway[at + 12])); }
