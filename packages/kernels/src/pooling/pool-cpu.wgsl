// Pooling and its gradients on the CPU device, where four invocations are the lanes of a vector. A workgroup copies plane after plane with its padding to
// memory of its own, columns of equal remainder by the stride side by side, so that a vector of outputs reads vectors: nothing is asked of single elements.
// The gradient is gathered there too, tap by tap. Windows of 3 x 3 with a stride of 2 over [8, 64, 112, 112] take 8.7 ms on one thread of the `cpu` adapter
// (Xeon) instead of 38, their gradient 30 instead of 240.
// Joined to pool-cpu-out.wgsl or pool-cpu-pairs.wgsl.

override STRIDE: u32 = 1u; // along the rows
override KERNEL: u32 = 0u; // columns of the window where they are up to 3
override TILE: u32 = 2048u; // elements of the copy, and of the gradient's
override MAXIMA = true; // else means

struct Params {
  planes: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32, // at least 4
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: u32,
  dilationY: u32,
  dilationX: u32, // 1 where STRIDE is not
  padTop: u32,
  padLeft: u32,
  pitch: u32, // of a row of the copy
  phase: u32, // where the next remainder's columns are
  copied: u32, // rows
  size: u32, // of the copy, a multiple of 4; behind it how many columns the means count
  each: u32, // planes of a workgroup
  // What counts of the padded height and width: begin and end, measured from the padding's edge.
  countTop: u32,
  countBottom: u32,
  countLeft: u32,
  countRight: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<i32>; // bits; of means' gradients there is none
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // or dy

var<workgroup> tile: array<i32, TILE>;

const lowest = -0x7fffffffi - 1i;

/** As in max-pool.wgsl: orders floats by their bits, NaN above everything. */
fn ordered(bits: i32) -> i32 {
  return select(bits ^ ((bits >> 31u) & 0x7fffffffi), 0x7fffffffi, (bits & 0x7fffffffi) > 0x7f800000i);
}

fn valueOf(bits: i32) -> i32 {
  if (MAXIMA) {
    return ordered(bits);
  }
  return bits;
}

/** Padding never wins, and adds nothing. */
fn clear(p: Params, lane: u32) {
  var nothing = 0i;
  if (MAXIMA) {
    nothing = lowest;
  }
  for (var i = 0u; i < p.size; i += 4u) {
    tile[i + lane] = nothing;
  }
}

fn fill(p: Params, plane: u32, lane: u32) {
  for (var q = 0u; q < STRIDE; q++) {
    if (q < p.width) {
      let count = (p.width - q + STRIDE - 1u) / STRIDE;
      // What a vector reads is within the row.
      let whole = select(0u, (p.width - q - 3u * STRIDE + STRIDE - 1u) / STRIDE + 3u, p.width > q + 3u * STRIDE) & 0xfffffffcu;
      var at = p.padTop * p.pitch + (p.padLeft + q) % STRIDE * p.phase + (p.padLeft + q) / STRIDE;
      var source = plane + q;
      for (var row = 0u; row < p.copied; row++) {
        for (var i = 0u; i < whole; i += 4u) {
          tile[at + i + lane] = valueOf(x[source + i * STRIDE + lane * STRIDE]);
        }
        for (var i = whole; i < count; i++) {
          tile[at + i] = valueOf(x[source + i * STRIDE]);
        }
        at += p.pitch;
        source += p.width;
      }
    }
  }
}

/** How many columns each window counts. */
fn countColumns(p: Params) {
  for (var column = 0u; column < p.outWidth; column++) {
    var count = 0u;
    for (var i = 0u; i < p.kernelWidth; i++) {
      let at = column * STRIDE + i * p.dilationX;
      count += select(0u, 1u, at >= p.countLeft && at < p.countRight);
    }
    tile[p.size + column] = bitcast<i32>(f32(max(1u, count)));
  }
}

fn rowsCounted(p: Params, row: u32) -> f32 {
  var count = 0u;
  for (var i = 0u; i < p.kernelHeight; i++) {
    let at = row * p.strideY + i * p.dilationY;
    count += select(0u, 1u, at >= p.countTop && at < p.countBottom);
  }
  return f32(max(1u, count));
}

struct Best {
  value: i32,
  sum: f32,
}

fn take(best: Best, at: u32) -> Best {
  if (MAXIMA) {
    return Best(max(best.value, tile[at]), 0.0);
  }
  return Best(0i, best.sum + bitcast<f32>(tile[at]));
}

/** The best of the windows that begin at `at`, or their sums. */
fn windows(p: Params, at: u32) -> Best {
  var best = Best(lowest, 0.0);
  var row = at;
  for (var i = 0u; i < p.kernelHeight; i++) {
    if (KERNEL > 0u) {
      best = take(best, row);
      if (KERNEL > 1u) {
        best = take(best, row + select(p.dilationX, p.phase, STRIDE > 1u));
      }
      if (KERNEL > 2u) {
        best = take(best, row + 2u / STRIDE * p.dilationX + 2u % STRIDE * p.phase);
      }
    } else {
      for (var q = 0u; q < STRIDE; q++) {
        for (var j = 0u; j < (p.kernelWidth - q + STRIDE - 1u) / STRIDE; j++) {
          best = take(best, row + j * p.dilationX + q * p.phase);
        }
      }
    }
    row += p.dilationY * p.pitch;
  }
  return best;
}

/** What `forward` stores: `rows` elements are counted along y, those along x are behind the copy. */
fn made(p: Params, at: u32, column: u32, rows: f32, lane: u32) -> f32 {
  let best = windows(p, at + column + lane);
  if (MAXIMA) {
    let bits = best.value ^ ((best.value >> 31u) & 0x7fffffffi);
    return bitcast<f32>(select(bits, -0x800000i, best.value == lowest));
  }
  return best.sum / (rows * bitcast<f32>(tile[p.size + column + lane]));
}

@compute @workgroup_size(4)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let first = min((group.x + group.y * groups.x) * p.each, p.planes);
  let last = min(first + p.each, p.planes);
  let whole = p.outWidth & 0xfffffffcu;
  clear(p, lane);
  if (!MAXIMA) {
    countColumns(p);
  }
  for (var plane = first; plane < last; plane++) {
    workgroupBarrier();
    fill(p, plane * p.height * p.width, lane);
    workgroupBarrier();
    var to = plane * p.outHeight * p.outWidth;
    var at = 0u;
    for (var row = 0u; row < p.outHeight; row++) {
      var rows = 1.0;
      if (!MAXIMA) {
        rows = rowsCounted(p, row);
      }
      for (var i = 0u; i < whole; i += 4u) {
        y[to + i + lane] = made(p, at, i, rows, lane);
      }
      if (whole < p.outWidth) {
        // The last four, some of them once more.
        y[to + p.outWidth - 4u + lane] = made(p, at, p.outWidth - 4u, rows, lane);
      }
      to += p.outWidth;
      at += p.strideY * p.pitch;
    }
  }
}

// Gradients.

var<workgroup> gathered: array<f32, TILE>;

/** Gives an element what it has of a window's gradient; what is left for others. */
fn give(at: u32, best: i32, rest: f32) -> f32 {
  if (MAXIMA) {
    let isBest = tile[at] == best;
    gathered[at] += select(0.0, rest, isBest);
    return select(rest, 0.0, isBest);
  }
  gathered[at] += rest;
  return rest;
}

/** Gives the gradients of the windows that begin at `at` to their elements: all alike, or the first that has the best value. */
fn spread(p: Params, at: u32, value: f32) {
  var best = lowest;
  if (MAXIMA) {
    best = windows(p, at).value;
  }
  // Windows of nothing but padding give nothing.
  var rest = value;
  if (MAXIMA) {
    rest = select(value, 0.0, best == lowest);
  }
  var row = at;
  for (var i = 0u; i < p.kernelHeight; i++) {
    if (KERNEL > 0u) {
      rest = give(row, best, rest);
      if (KERNEL > 1u) {
        rest = give(row + select(p.dilationX, p.phase, STRIDE > 1u), best, rest);
      }
      if (KERNEL > 2u) {
        rest = give(row + 2u / STRIDE * p.dilationX + 2u % STRIDE * p.phase, best, rest);
      }
    } else {
      var tap = row;
      var remainder = 0u;
      for (var j = 0u; j < p.kernelWidth; j++) {
        rest = give(tap, best, rest);
        // The next column: that of the next remainder, or the next of the first one.
        remainder++;
        tap += p.phase;
        if (remainder == STRIDE) {
          remainder = 0u;
          tap += p.dilationX - STRIDE * p.phase;
        }
      }
    }
    row += p.dilationY * p.pitch;
  }
}

fn scaled(p: Params, gradient: f32, column: u32, rows: f32, lane: u32) -> f32 {
  if (MAXIMA) {
    return gradient;
  }
  return gradient / (rows * bitcast<f32>(tile[p.size + column + lane]));
}

@compute @workgroup_size(4)
fn gradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let first = min((group.x + group.y * groups.x) * p.each, p.planes);
  let last = min(first + p.each, p.planes);
  let whole = p.outWidth & 0xfffffffcu;
  clear(p, lane);
  if (!MAXIMA) {
    countColumns(p);
  }
  for (var plane = first; plane < last; plane++) {
    workgroupBarrier();
    if (MAXIMA) {
      fill(p, plane * p.height * p.width, lane);
    }
    for (var i = 0u; i < p.size; i += 4u) {
      gathered[i + lane] = 0.0;
    }
    workgroupBarrier();
    var source = plane * p.outHeight * p.outWidth;
    var at = 0u;
    for (var row = 0u; row < p.outHeight; row++) {
      var rows = 1.0;
      if (!MAXIMA) {
        rows = rowsCounted(p, row);
      }
      for (var i = 0u; i < whole; i += 4u) {
        spread(p, at + i + lane, scaled(p, y[source + i + lane], i, rows, lane));
      }
      if (whole < p.outWidth) {
        // The last four, of which the first have been given.
        let column = p.outWidth - 4u;
        let value = scaled(p, y[source + column + lane], column, rows, lane);
        spread(p, at + column + lane, select(0.0, value, lane >= 4u - (p.outWidth - whole)));
      }
      source += p.outWidth;
      at += p.strideY * p.pitch;
    }
    workgroupBarrier();
    copyOut(p, plane, lane);
  }
}
