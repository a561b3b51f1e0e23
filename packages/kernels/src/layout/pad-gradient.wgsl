// dx of padding one axis of [outer, size, inner] with elements of x itself: every element of x sums the padded positions that read it.

struct Params {
  count: u32, // elements of dx
  size: u32,
  out: i32, // padded size
  begin: i32, // where x begins in the output; negative when it is cropped
  inner: u32,
  mode: u32, // 1 reflect, 2 edge, 3 wrap
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.count) {
    return;
  }
  let at = i32(index / params.inner % params.size);
  let base = index / params.inner / params.size * u32(params.out) * params.inner + index % params.inner;
  let last = i32(params.size) - 1;
  let own = at + params.begin;
  var sum = 0.0;
  if (params.mode == 1u) {
    // Itself, and mirrored at both ends; the ends themselves are not repeated.
    let before = params.begin - at;
    let behind = params.begin + 2 * last - at;
    if (at > 0 && before >= 0 && before < params.out) {
      sum += dy[base + u32(before) * params.inner];
    }
    if (own >= 0 && own < params.out) {
      sum += dy[base + u32(own) * params.inner];
    }
    if (at < last && behind >= 0 && behind < params.out) {
      sum += dy[base + u32(behind) * params.inner];
    }
  } else {
    let wraps = params.mode == 3u;
    let size = i32(params.size);
    let step = select(1, size, wraps);
    let first = select(select(max(own, 0), 0, at == 0), ((own % size) + size) % size, wraps);
    let end = select(own, params.out - 1, wraps || at == last);
    for (var o = first; o <= min(end, params.out - 1); o += step) {
      sum += dy[base + u32(o) * params.inner];
    }
  }
  dx[index] = sum;
}
