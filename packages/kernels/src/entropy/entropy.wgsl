// Spatial entropy of one map (an image's channel) per workgroup. The map is quantised to `levels` grey levels between its least and
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

const lanes = 64u;
const tableSize = 1024u; // 32 x 32 pairs of levels; more levels count pairs by comparison

var<workgroup> least: array<f32, lanes>;
var<workgroup> greatest: array<f32, lanes>;
var<workgroup> sums: array<f32, lanes>;
var<workgroup> broken: atomic<u32>;
var<workgroup> table: array<atomic<u32>, tableSize>;

fn level(i: u32, low: f32, scale: f32) -> u32 {
  return min(params.levels - 1u, u32((x[i] - low) * scale));
}

fn clearTable(lane: u32) {
  workgroupBarrier();
  for (var i = lane; i < tableSize; i += lanes) {
    atomicStore(&table[i], 0u);
  }
  workgroupBarrier();
}

/** Sum over the lanes, in the order of the lanes. */
fn total(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  sums[lane] = value;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < lanes; i++) {
    sum += sums[i];
  }
  return sum;
}

/** -sum p log p over the table, p = count / all. */
fn tableEntropy(lane: u32, entries: u32, all: u32) -> f32 {
  workgroupBarrier();
  var sum = 0.0;
  for (var i = lane; i < entries; i += lanes) {
    let count = atomicLoad(&table[i]);
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
    clearTable(lane);
    for (var pair = lane; pair < offset.pairs; pair += lanes) {
      let i = firstOf(base, offset, pair);
      atomicAdd(&table[level(i, low, scale) * params.levels + level(i + offset.step, low, scale)], 1u);
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
  clearTable(lane);
  for (var direction = 0u; direction < 2u; direction++) {
    let offset = offsetOf(direction);
    for (var pair = lane; pair < offset.pairs; pair += lanes) {
      let i = firstOf(base, offset, pair);
      let a = level(i, low, scale);
      let b = level(i + offset.step, low, scale);
      if (tabled) {
        atomicAdd(&table[a * params.levels + b], 1u);
        atomicAdd(&table[b * params.levels + a], 1u);
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

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
  let map = group.x + group.y * groups.x;
  if (map >= params.maps) {
    return;
  }
  let size = params.height * params.width;
  let base = map * size;
  var low = x[base];
  var high = low;
  for (var i = lane; i < size; i += lanes) {
    let value = x[base + i];
    low = min(low, value);
    high = max(high, value);
    if ((bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u) {
      atomicStore(&broken, 1u);
    }
  }
  least[lane] = low;
  greatest[lane] = high;
  workgroupBarrier();
  for (var i = 0u; i < lanes; i++) {
    low = min(low, least[i]);
    high = max(high, greatest[i]);
  }
  let isBroken = workgroupUniformLoad(&broken) != 0u;
  let scale = f32(params.levels) / (high - low);
  var entropy = 0.0;
  if (params.auraMatrix != 0u) {
    entropy = matrixEntropy(lane, base, low, scale);
  } else {
    clearTable(lane);
    for (var i = lane; i < size; i += lanes) {
      atomicAdd(&table[level(base + i, low, scale)], 1u);
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
  if (lane == 0u) {
    // A constant map has no entropy; one with NaN or infinity has none that means anything.
    y[map] = select(select(entropy, 0.0, high == low), bitcast<f32>(0x7fc00000u | (params.maps & 0u)), isBroken);
  }
}
