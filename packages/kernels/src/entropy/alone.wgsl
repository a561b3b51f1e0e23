// One invocation per map, without barriers, which are dear on software adapters. The counts of its map are a column of `table`:
// in an array of its own the shader would take seconds to compile.

const lanes = 1u;

@group(0) @binding(3) var<storage, read_write> table: array<u32>; // [entries, maps]

var<private> own: u32;

fn at(entry: u32) -> u32 {
  return entry * params.maps + own;
}

fn countOne(entry: u32) {
  table[at(entry)]++;
}

fn counted(entry: u32) -> u32 {
  return table[at(entry)];
}

fn clearOne(entry: u32) {
  table[at(entry)] = 0u;
}

fn settleTable() {}

fn clearTable(lane: u32, entries: u32) {
  for (var i = lane; i < entries; i++) {
    clearOne(i);
  }
}

fn total(lane: u32, value: f32) -> f32 {
  return value;
}

fn combined(lane: u32, extent: Extent) -> Extent {
  return extent;
}

fn varies(extent: Extent) -> bool {
  return extent.low < extent.high;
}

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let map = id.x + id.y * groups.x * 16u;
  if (map < params.maps) {
    own = map;
    y[map] = mapEntropy(0u, map);
  }
}
