// Joined to depthwise-cpu.wgsl: gradients of the weights, and those of the input where strides are 2 (where they are 1 it is a forward convolution).

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

/** A row of dx from where its even and its odd columns are in the copy. */
fn interleave(p: Params, to: u32) {
  let isOdd = p.left % 2u == 1u;
  let even = p.half + p.left / 2u + select(0u, p.rows, isOdd);
  let odd = p.half + (p.left + 1u) / 2u + select(p.rows, 0u, isOdd);
  let pairs = p.madeWidth / 2u;
  for (var i = 0u; i < pairs; i++) {
    y[to + 2u * i] = tile[even + i];
    y[to + 2u * i + 1u] = tile[odd + i];
  }
  if (2u * pairs < p.madeWidth) {
    y[to + 2u * pairs] = tile[even + pairs];
  }
}

/**
 * dx of strides of 2. Row and column i of dx, padding counted, with j = i / 2: an even one has weight 0 of j and weight 2 of j - 1, an odd one weight 1 of j.
 * dy is copied with a row and a column of padding in front; `half` is where a row is made, `rows` columns even and as many odd.
 */
@compute @workgroup_size(4)
fn inputGradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let plane = p.height * p.width;
  let madePlane = p.madeHeight * p.madeWidth;
  let channels = min((group.x + 1u) * p.each, p.channels);
  let images = min((group.y + 1u) * p.imagesEach, p.images);
  let whole = p.width & 0xfffffffcu;
  let firstEven = p.top % 2u;
  let firstOdd = 1u - firstEven;
  let evenRows = (p.madeHeight - firstEven + 1u) / 2u;
  let oddRows = (p.madeHeight - firstOdd + 1u) / 2u;
  let evenStart = (firstEven + p.top) / 2u * p.pitch;
  let oddStart = (firstOdd + p.top) / 2u * p.pitch + p.pitch;
  for (var channel = group.x * p.each; channel < channels; channel++) {
    let own = weightsOf(p, channel);
    for (var image = group.y * p.imagesEach; image < images; image++) {
      let index = image * p.channels + channel;
      var source = index * plane;
      var at = p.pitch + 1u;
      for (var row = 0u; row < p.height; row++) {
        for (var i = 0u; i < whole; i += 4u) {
          tile[at + i + lane] = x[source + i + lane];
        }
        if (whole < p.width) {
          tile[at + p.width - 4u + lane] = x[source + p.width - 4u + lane];
        }
        source += p.width;
        at += p.pitch;
      }
      workgroupBarrier();
      var to = index * madePlane + firstEven * p.madeWidth;
      var above = evenStart;
      for (var row = 0u; row < evenRows; row++) {
        for (var i = 0u; i < p.rows; i += 4u) {
          let a = above + i;
          let b = tile[a + 1u + lane];
          let d = tile[a + p.pitch + 1u + lane];
          tile[p.half + i + lane] = tile[a + lane] * own.w2.z + b * own.w2.x + tile[a + p.pitch + lane] * own.w0.z + d * own.w0.x;
          tile[p.half + p.rows + i + lane] = b * own.w2.y + d * own.w0.y;
        }
        workgroupBarrier();
        interleave(p, to);
        workgroupBarrier();
        above += p.pitch;
        to += 2u * p.madeWidth;
      }
      to = index * madePlane + firstOdd * p.madeWidth;
      at = oddStart;
      for (var row = 0u; row < oddRows; row++) {
        for (var i = 0u; i < p.rows; i += 4u) {
          let b = tile[at + i + 1u + lane];
          tile[p.half + i + lane] = tile[at + i + lane] * own.w1.z + b * own.w1.x;
          tile[p.half + p.rows + i + lane] = b * own.w1.y;
        }
        workgroupBarrier();
        interleave(p, to);
        workgroupBarrier();
        at += p.pitch;
        to += 2u * p.madeWidth;
      }
    }
  }
}
