// Joined to depthwise-cpu.wgsl: gradients of the weights.

var<workgroup> totals: array<vec4f, 12>; // of lanes: 3 rows of weights; a sum has 3 neighbours and nothing

/** By rows of the weights. */
struct Sums {
  a: vec3f,
  b: vec3f,
  c: vec3f,
}

/** Adds to `sums` what a vector of dy meets in the copy. */
fn meet(p: Params, at: u32, gradient: f32, sums: ptr<function, Sums>, lane: u32) {
  (*sums).a += window(p, at, lane) * gradient;
  (*sums).b += window(p, at + p.pitch, lane) * gradient;
  (*sums).c += window(p, at + 2u * p.pitch, lane) * gradient;
}

fn meetRows(p: Params, gradients: u32, rows: u32, sums: ptr<function, Sums>, lane: u32) {
  let whole = p.madeWidth & 0xfffffffcu;
  var at = 0u;
  var made = gradients;
  for (var row = 0u; row < rows; row++) {
    for (var i = 0u; i < whole; i += 4u) {
      meet(p, at + i, weights[made + i + lane], sums, lane);
    }
    if (whole < p.madeWidth) {
      // The last four, of which the first have been counted.
      let gradient = select(0.0, weights[made + p.madeWidth - 4u + lane], lane >= 4u - (p.madeWidth - whole));
      meet(p, at + p.madeWidth - 4u, gradient, sums, lane);
    }
    at += p.strideY * p.pitch;
    made += p.madeWidth;
  }
}

/** x is copied, dy is `weights`, and y is parts of dw [parts, channels, 3, 3]. Sums of some images are added to those of others: the error stays small. */
@compute @workgroup_size(4)
fn weightGradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let plane = p.height * p.width;
  let madePlane = p.madeHeight * p.madeWidth;
  let channels = min((group.x + 1u) * p.each, p.channels);
  let all = rowsFor(p, 0u);
  let blocks = p.imagesEach / p.imagesPerSum;
  for (var channel = group.x * p.each; channel < channels; channel++) {
    totals[lane] = vec4f();
    totals[4u + lane] = vec4f();
    totals[8u + lane] = vec4f();
    for (var block = 0u; block < blocks; block++) {
      var sums = Sums();
      for (var i = 0u; i < p.imagesPerSum; i++) {
        let index = (group.y * p.imagesEach + block * p.imagesPerSum + i) * p.channels + channel;
        if (STRIPS) {
          for (var first = 0u; first < p.madeHeight; first += p.rows) {
            let rows = rowsFor(p, first);
            fill(p, index * plane, rows, lane);
            workgroupBarrier();
            meetRows(p, index * madePlane + first * p.madeWidth, rows.made, &sums, lane);
            workgroupBarrier();
          }
        } else {
          fill(p, index * plane, all, lane);
          workgroupBarrier();
          meetRows(p, index * madePlane, all.made, &sums, lane);
          workgroupBarrier();
        }
      }
      totals[lane] += vec4f(sums.a, 0.0);
      totals[4u + lane] += vec4f(sums.b, 0.0);
      totals[8u + lane] += vec4f(sums.c, 0.0);
    }
    workgroupBarrier();
    let to = (group.y * p.channels + channel) * 9u;
    for (var k = 0u; k < 3u; k++) {
      let sum = (totals[4u * k] + totals[4u * k + 1u]) + (totals[4u * k + 2u] + totals[4u * k + 3u]);
      if (lane == 0u) {
        y[to + 3u * k] = sum.x;
        y[to + 3u * k + 1u] = sum.y;
        y[to + 3u * k + 2u] = sum.z;
      }
    }
    workgroupBarrier();
  }
}
