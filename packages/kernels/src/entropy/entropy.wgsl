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
  // pair / columns, which software adapters do one element at a time; the quotient in floats may be one off.
  var row = u32(f32(pair) / f32(offset.columns));
  row -= select(0u, 1u, row * offset.columns > pair);
  row += select(0u, 1u, (row + 1u) * offset.columns <= pair);
  return base + pair + row * (params.width - offset.columns);
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

/**
 * Entropy of the pairs of levels in the directions from `first` up to `last`, in both orders where `orders` is 2. The table has its entries cleared and
 * summed one by one, or, where pairs are fewer, pair by pair: -1/P sum over pairs of log(P_same / P) is the same sum, by members in place of
 * levels. Without a table (many levels) the same pairs are found by comparison. One loop for all, because code is compiled again for every use.
 */
fn pairEntropy(lane: u32, base: u32, low: f32, scale: f32, first: u32, last: u32, orders: u32) -> f32 {
  var all = 0u;
  for (var direction = first; direction < last; direction++) {
    all += orders * offsetOf(direction).pairs;
  }
  let entries = params.levels * params.levels;
  let tabled = entries <= tableSize;
  let byEntries = tabled && entries <= all;
  if (byEntries) {
    clearTable(lane, entries);
  }
  var sum = 0.0;
  // 0: clear, 1: count, 2: sum
  for (var step = select(select(2u, 0u, tabled), 1u, byEntries); step < select(3u, 2u, byEntries); step++) {
    for (var direction = first; direction < last; direction++) {
      let offset = offsetOf(direction);
      for (var pair = lane; pair < offset.pairs; pair += lanes) {
        let i = firstOf(base, offset, pair);
        let a = level(i, low, scale);
        let b = level(i + offset.step, low, scale);
        let entry = a * params.levels + b;
        let mirrored = b * params.levels + a;
        if (step == 0u) {
          clearOne(entry);
          clearOne(mirrored);
        }
        if (step == 1u) {
          countOne(entry);
          if (orders == 2u) {
            countOne(mirrored);
          }
        }
        if (step == 2u) {
          var same = 0u;
          if (tabled) {
            same = counted(entry);
          } else {
            for (var other = first; other < last; other++) {
              same += countEqual(base, offsetOf(other), low, scale, a, b);
              if (orders == 2u) {
                same += countEqual(base, offsetOf(other), low, scale, b, a);
              }
            }
          }
          sum -= f32(orders) * log(f32(same) / f32(all));
        }
      }
    }
    settleTable();
  }
  if (byEntries) {
    return tableEntropy(lane, entries, all);
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
  // One with NaN or infinity has no entropy that means anything; a constant one has none.
  let nothing = select(0.0, bitcast<f32>(0x7fc00000u | (params.maps & 0u)), extent.broken);
  if (!varies(extent)) {
    return nothing;
  }
  let matrix = params.auraMatrix != 0u;
  var own = 0.0;
  if (!matrix) {
    clearTable(lane, params.levels);
    for (var i = lane; i < size; i += lanes) {
      countOne(level(base + i, low, scale));
    }
    own = tableEntropy(lane, params.levels, size);
  }
  var entropy = 0.0;
  var offsets = 0.0;
  // The matrix counts both directions together, in both orders; the relative entropies are those of either.
  for (var direction = 0u; direction < select(2u, 1u, matrix); direction++) {
    if (matrix || offsetOf(direction).pairs > 0u) {
      let joint = pairEntropy(lane, base, low, scale, direction, select(direction + 1u, 2u, matrix), select(1u, 2u, matrix));
      entropy += select(clamp((joint - own) / own, 0.0, 1.0), joint, matrix);
      offsets += 1.0;
    }
  }
  return select(select(0.0, entropy / offsets, offsets > 0.0), nothing, extent.broken);
}
