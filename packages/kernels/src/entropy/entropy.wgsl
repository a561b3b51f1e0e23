// Spatial entropy of one map (an image's channel). Its invocations are the `lanes` of a workgroup (cooperating.wgsl) or one alone (alone.wgsl),
// which also say how lanes count and add. The map is quantised to `levels` grey levels between its least and
// greatest value; H(0) is the entropy of the levels, H(right) and H(down) that of the pairs of neighbours. Counts are integers, so
// their order does not matter; sums of logarithms are taken in a fixed order.

struct Params {
  maps: u32,
  height: u32,
  width: u32,
  levels: u32,
  auraMatrix: u32, // 0: mean relative joint entropy; 1: entropy of the symmetric 4-neighbour co-occurrence matrix
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const tableSize = 1024u; // 32 x 32 pairs of levels; more levels count pairs by comparison

fn level(i: u32, low: f32, scale: f32) -> u32 {
  return min(params.levels - 1u, u32((x[i] - low) * scale));
}

/** -sum p log p over the table, p = count / all. */
fn tableEntropy(lane: u32, entries: u32, all: u32) -> f32 {
  settleTable();
  var sum = 0.0;
  for (var i = lane; i < entries; i += lanes) {
    let count = counted(i);
    if (count > 0u) {
      let p = f32(count) / f32(all);
      sum -= p * log(p);
    }
  }
  return total(lane, sum);
}

struct Offset {
  columns: u32, // of the grid of first members of pairs
  pairs: u32,
  step: u32, // from the first to the second member
}

fn offsetOf(direction: u32) -> Offset {
  if (direction == 0u) {
    return Offset(params.width - 1u, params.height * (params.width - 1u), 1u);
  }
  return Offset(params.width, (params.height - 1u) * params.width, params.width);
}

fn firstOf(base: u32, offset: Offset, pair: u32) -> u32 {
  return base + (pair / offset.columns) * params.width + pair % offset.columns;
}

/** Pairs in `offset` with levels (a, b). */
fn countEqual(base: u32, offset: Offset, low: f32, scale: f32, a: u32, b: u32) -> u32 {
  var count = 0u;
  for (var pair = 0u; pair < offset.pairs; pair++) {
    let i = firstOf(base, offset, pair);
    count += select(0u, 1u, level(i, low, scale) == a && level(i + offset.step, low, scale) == b);
  }
  return count;
}

fn jointEntropy(lane: u32, base: u32, offset: Offset, low: f32, scale: f32) -> f32 {
  if (params.levels * params.levels <= tableSize) {
    clearTable(lane, params.levels * params.levels);
    for (var pair = lane; pair < offset.pairs; pair += lanes) {
      let i = firstOf(base, offset, pair);
      countOne(level(i, low, scale) * params.levels + level(i + offset.step, low, scale));
    }
    return tableEntropy(lane, params.levels * params.levels, offset.pairs);
  }
  // -1/P sum over pairs of log(P_same / P) is the same sum, by members in place of levels.
  var sum = 0.0;
  for (var pair = lane; pair < offset.pairs; pair += lanes) {
    let i = firstOf(base, offset, pair);
    let same = countEqual(base, offset, low, scale, level(i, low, scale), level(i + offset.step, low, scale));
    sum -= log(f32(same) / f32(offset.pairs));
  }
  return total(lane, sum) / f32(offset.pairs);
}

fn matrixEntropy(lane: u32, base: u32, low: f32, scale: f32) -> f32 {
  let all = 2u * (offsetOf(0u).pairs + offsetOf(1u).pairs);
  if (all == 0u) {
    return 0.0;
  }
  let tabled = params.levels * params.levels <= tableSize;
  var sum = 0.0;
  if (tabled) {
    clearTable(lane, params.levels * params.levels);
  }
  for (var direction = 0u; direction < 2u; direction++) {
    let offset = offsetOf(direction);
    for (var pair = lane; pair < offset.pairs; pair += lanes) {
      let i = firstOf(base, offset, pair);
      let a = level(i, low, scale);
      let b = level(i + offset.step, low, scale);
      if (tabled) {
        countOne(a * params.levels + b);
        countOne(b * params.levels + a);
      } else {
        var same = 0u;
        for (var other = 0u; other < 2u; other++) {
          same += countEqual(base, offsetOf(other), low, scale, a, b) + countEqual(base, offsetOf(other), low, scale, b, a);
        }
        sum -= 2.0 * log(f32(same) / f32(all));
      }
    }
  }
  if (tabled) {
    return tableEntropy(lane, params.levels * params.levels, all);
  }
  return total(lane, sum) / f32(all);
}

/** What is found of a map before it is quantised. */
struct Extent {
  low: f32,
  high: f32,
  broken: bool, // NaN or infinity
}

fn extentOf(lane: u32, base: u32) -> Extent {
  let size = params.height * params.width;
  var extent = Extent(x[base], x[base], false);
  for (var i = lane; i < size; i += lanes) {
    let value = x[base + i];
    extent.low = min(extent.low, value);
    extent.high = max(extent.high, value);
    extent.broken = extent.broken || (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u;
  }
  return combined(lane, extent);
}

fn mapEntropy(lane: u32, map: u32) -> f32 {
  let size = params.height * params.width;
  let base = map * size;
  let extent = extentOf(lane, base);
  let low = extent.low;
  let scale = f32(params.levels) / (extent.high - low);
  var entropy = 0.0;
  if (params.auraMatrix != 0u) {
    entropy = matrixEntropy(lane, base, low, scale);
  } else {
    clearTable(lane, params.levels);
    for (var i = lane; i < size; i += lanes) {
      countOne(level(base + i, low, scale));
    }
    let own = tableEntropy(lane, params.levels, size);
    var offsets = 0.0;
    for (var direction = 0u; direction < 2u; direction++) {
      let offset = offsetOf(direction);
      if (offset.pairs > 0u) {
        entropy += clamp((jointEntropy(lane, base, offset, low, scale) - own) / own, 0.0, 1.0);
        offsets += 1.0;
      }
    }
    entropy = select(0.0, entropy / offsets, offsets > 0.0);
  }
  // A constant map has no entropy; one with NaN or infinity has none that means anything.
  return select(select(entropy, 0.0, extent.high == low), bitcast<f32>(0x7fc00000u | (params.maps & 0u)), extent.broken);
}
