// One workgroup per map, for GPUs: its lanes share a table of counts.

const lanes = 64u;

var<workgroup> least: array<f32, lanes>;
var<workgroup> greatest: array<f32, lanes>;
var<workgroup> sums: array<f32, lanes>;
var<workgroup> broken: atomic<u32>;
var<workgroup> varied: atomic<u32>;
var<workgroup> table: array<atomic<u32>, tableSize>;

fn countOne(entry: u32) {
  atomicAdd(&table[entry], 1u);
}

fn counted(entry: u32) -> u32 {
  return atomicLoad(&table[entry]);
}

fn clearOne(entry: u32) {
  atomicStore(&table[entry], 0u);
}

fn settleTable() {
  workgroupBarrier();
}

fn clearTable(lane: u32, entries: u32) {
  workgroupBarrier();
  for (var i = lane; i < entries; i += lanes) {
    clearOne(i);
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

fn combined(lane: u32, own: Extent) -> Extent {
  least[lane] = own.low;
  greatest[lane] = own.high;
  if (own.broken) {
    atomicStore(&broken, 1u);
  }
  // Every lane begins with the map's first value.
  if (own.low < own.high) {
    atomicStore(&varied, 1u);
  }
  workgroupBarrier();
  var all = own;
  for (var i = 0u; i < lanes; i++) {
    all.low = min(all.low, least[i]);
    all.high = max(all.high, greatest[i]);
  }
  all.broken = workgroupUniformLoad(&broken) != 0u;
  return all;
}

fn varies(extent: Extent) -> bool {
  return workgroupUniformLoad(&varied) != 0u;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
  let map = group.x + group.y * groups.x;
  if (map >= params.maps) {
    return;
  }
  let entropy = mapEntropy(lane, map);
  if (lane == 0u) {
    y[map] = entropy;
  }
}
