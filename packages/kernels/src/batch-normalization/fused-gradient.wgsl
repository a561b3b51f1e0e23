// Gradients of batch normalisation on the CPU device, the sums and what is made of them in one dispatch as fused.wgsl has it:
// dbias = sum dy, dscale = sum dy (x - mean) invStd, dx = factor dy + slope (x - mean) + constant.
// A training step of ResNet-20 with 32 images spends 9 ms in it on one thread of the `cpu` adapter (Xeon, AVX-512), against 26 with three kernels.
// Joined to fused-activation.wgsl.

struct Params {
  images: u32,
  channels: u32,
  plane: u32, // elements of a channel of an image: 4 at least
  each: u32, // channels of a workgroup
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> figures: array<vec4f>; // of channels: scale, bias, mean, invStd
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<storage, read_write> dscale: array<f32>;
@group(0) @binding(6) var<storage, read_write> dbias: array<f32>;

var<workgroup> lanes: array<vec2f, 4>;

/** The sums of dy and of dy (x - centre) over a channel, dy being what comes through the activation. */
fn sums(first: u32, centre: f32, factor: f32, offset: f32, lane: u32) -> vec2f {
  let step = params.channels * params.plane;
  let most = params.plane & 0xfffffff8u;
  var base = first;
  var sum = 0.0;
  var product = 0.0;
  for (var image = 0u; image < params.images; image++) {
    var s0 = 0.0;
    var s1 = 0.0;
    var p0 = 0.0;
    var p1 = 0.0;
    for (var i = 0u; i < most; i += 8u) {
      let d0 = x[base + i + lane] - centre;
      let g0 = throughActivation(d0 * factor + offset, dy[base + i + lane]);
      let d1 = x[base + i + 4u + lane] - centre;
      let g1 = throughActivation(d1 * factor + offset, dy[base + i + 4u + lane]);
      s0 += g0;
      p0 += g0 * d0;
      s1 += g1;
      p1 += g1 * d1;
    }
    if (most + 4u <= params.plane) {
      let d = x[base + most + lane] - centre;
      let g = throughActivation(d * factor + offset, dy[base + most + lane]);
      s0 += g;
      p0 += g * d;
    }
    if ((params.plane & 3u) != 0u) {
      // The last four elements, of which the first have been counted.
      let d = x[base + params.plane - 4u + lane] - centre;
      let g = select(0.0, throughActivation(d * factor + offset, dy[base + params.plane - 4u + lane]), lane >= 4u - (params.plane & 3u));
      s1 += g;
      p1 += g * select(0.0, d, lane >= 4u - (params.plane & 3u));
    }
    sum += s0 + s1;
    product += p0 + p1;
    base += step;
  }
  lanes[lane] = vec2f(sum, product);
  workgroupBarrier();
  let all = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
  workgroupBarrier();
  return all;
}

@compute @workgroup_size(4)
fn gradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * params.each;
  let end = min(begin + params.each, params.channels);
  let step = params.channels * params.plane;
  let whole = params.plane & 0xfffffffcu;
  for (var channel = begin; channel < end; channel++) {
    let own = figures[channel];
    let factor = own.x * own.w;
    let all = sums(channel * params.plane, own.z, factor, own.y, lane);
    let scaleGradient = all.y * own.w;
    if (lane == 0u) {
      dscale[channel] = scaleGradient;
      dbias[channel] = all.x;
    }
    let count = f32(params.images) * f32(params.plane);
    let slope = -factor * own.w * scaleGradient / count;
    let constant = -factor * all.x / count;
    var base = channel * params.plane;
    for (var image = 0u; image < params.images; image++) {
      for (var i = 0u; i < whole; i += 4u) {
        let d = x[base + i + lane] - own.z;
        dx[base + i + lane] = factor * throughActivation(d * factor + own.y, dy[base + i + lane]) + (slope * d + constant);
      }
      if (whole < params.plane) {
        // Some of them once more.
        let at = base + params.plane - 4u + lane;
        let d = x[at] - own.z;
        dx[at] = factor * throughActivation(d * factor + own.y, dy[at]) + (slope * d + constant);
      }
      base += step;
    }
  }
}
