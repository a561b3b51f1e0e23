// Joined to depthwise-cpu.wgsl: gradients of the input where strides are 2 (where they are 1 it is a forward convolution).

/**
 * Copies dy with a row and a column of padding in front. Row and column i of dx, padding counted, with j = i / 2: an even one has weight 0 of j and weight 2
 * of j - 1, an odd one weight 1 of j.
 */
fn fillGradients(p: Params, plane: u32, lane: u32) {
  let whole = p.width & 0xfffffffcu;
  var source = plane;
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

/** Rows of any length: `half` is where a row is made, `rows` columns even and as many odd. */
@compute @workgroup_size(4)
fn inputGradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let plane = p.height * p.width;
  let madePlane = p.madeHeight * p.madeWidth;
  let channels = min((group.x + 1u) * p.each, p.channels);
  let images = min((group.y + 1u) * p.imagesEach, p.images);
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
      fillGradients(p, index * plane, lane);
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
      var at = oddStart;
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

// Where rows of dx are of even length: their pairs of columns.
@group(0) @binding(6) var<storage, read_write> pairs: array<vec2f>;

override ODD_LEFT = false; // an odd number of columns of padding: then the odd one of a pair comes first

/** A pair of an even row of dx, which two rows of the copy meet. */
fn pairOfEven(p: Params, at: u32, own: Channel, lane: u32) -> vec2f {
  let behind = select(0u, 1u, ODD_LEFT);
  let above = at + lane;
  let below = above + p.pitch;
  let even = tile[above + behind] * own.w2.z + tile[above + behind + 1u] * own.w2.x
    + tile[below + behind] * own.w0.z + tile[below + behind + 1u] * own.w0.x;
  let odd = tile[above + 1u] * own.w2.y + tile[below + 1u] * own.w0.y;
  if (ODD_LEFT) {
    return vec2f(odd, even);
  }
  return vec2f(even, odd);
}

fn pairOfOdd(at: u32, own: Channel, lane: u32) -> vec2f {
  let behind = select(0u, 1u, ODD_LEFT);
  let even = tile[at + behind + lane] * own.w1.z + tile[at + behind + 1u + lane] * own.w1.x;
  let odd = tile[at + 1u + lane] * own.w1.y;
  if (ODD_LEFT) {
    return vec2f(odd, even);
  }
  return vec2f(even, odd);
}

@compute @workgroup_size(4)
fn inputGradientInPairs(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let plane = p.height * p.width;
  let length = p.madeWidth / 2u; // at least 4
  let whole = length & 0xfffffffcu;
  let channels = min((group.x + 1u) * p.each, p.channels);
  let images = min((group.y + 1u) * p.imagesEach, p.images);
  let firstEven = p.top % 2u;
  let firstOdd = 1u - firstEven;
  let evenRows = (p.madeHeight - firstEven + 1u) / 2u;
  let oddRows = (p.madeHeight - firstOdd + 1u) / 2u;
  let evenStart = (firstEven + p.top) / 2u * p.pitch + p.left / 2u;
  let oddStart = (firstOdd + p.top) / 2u * p.pitch + p.pitch + p.left / 2u;
  for (var channel = group.x * p.each; channel < channels; channel++) {
    let own = weightsOf(p, channel);
    for (var image = group.y * p.imagesEach; image < images; image++) {
      let index = image * p.channels + channel;
      fillGradients(p, index * plane, lane);
      workgroupBarrier();
      let first = index * p.madeHeight * length;
      var to = first + firstEven * length;
      var at = evenStart;
      for (var row = 0u; row < evenRows; row++) {
        for (var i = 0u; i < whole; i += 4u) {
          pairs[to + i + lane] = pairOfEven(p, at + i, own, lane);
        }
        if (whole < length) {
          pairs[to + length - 4u + lane] = pairOfEven(p, at + length - 4u, own, lane);
        }
        at += p.pitch;
        to += 2u * length;
      }
      to = first + firstOdd * length;
      at = oddStart;
      for (var row = 0u; row < oddRows; row++) {
        for (var i = 0u; i < whole; i += 4u) {
          pairs[to + i + lane] = pairOfOdd(at + i, own, lane);
        }
        if (whole < length) {
          pairs[to + length - 4u + lane] = pairOfOdd(at + length - 4u, own, lane);
        }
        at += p.pitch;
        to += 2u * length;
      }
      workgroupBarrier();
    }
  }
}
