// dw of a convolution in tiles of workgroup memory (workgroup-tile.wgsl), for hardware: 64 outputs x 128 columns, a column being (channel, ky, kx).
// The sum over pixels is cut into parts, which are added afterwards in a fixed order (sum-parts.wgsl).
struct Params {
  n: u32, c: u32, h: u32, w: u32, m: u32, oh: u32, ow: u32, kh: u32,
  kw: u32, strideH: u32, strideW: u32, padTop: u32, padLeft: u32, dilationH: u32, dilationW: u32, group: u32,
  chunks: u32, // of 64 outputs per group
  pixelsPerPart: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>; // [parts, m, columns]

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let channels = p.c / p.group;
  let outputs = p.m / p.group;
  let group = wg.y / p.chunks;
  let firstOutput = wg.y % p.chunks * tileRows;
  let area = p.kh * p.kw;
  let columns = channels * area;
  let firstColumn = wg.x * tileColumns;
  let inPlane = p.h * p.w;
  let outPlane = p.oh * p.ow;
  let pixels = p.n * outPlane;

  // Neighbours load neighbouring pixels: pixel lane % 16 of the outputs and columns 4 (lane / 16) and so on.
  let depth = lane % 16;
  let quad = lane / 16;
  let end = min((wg.z + 1) * p.pixelsPerPart, pixels);
  var sums = array<vec4f, 16>();
  for (var base = wg.z * p.pixelsPerPart; base < end; base += tileDepth) {
    let pixel = min(base + depth, pixels - 1);
    let valid = base + depth < end;
    let n = pixel / outPlane;
    let oy = pixel / p.ow % p.oh;
    let ox = pixel % p.ow;
    for (var i = 0u; i < 2; i++) {
      let output = firstOutput + (quad + 8 * i) * 4;
      let rows = min(vec4u(output, output + 1, output + 2, output + 3), vec4u(outputs - 1));
      let source = (n * p.m + group * outputs + rows) * outPlane + oy * p.ow + ox;
      leftTile[depth * 16 + quad + 8 * i] = select(vec4f(), vec4f(dy[source.x], dy[source.y], dy[source.z], dy[source.w]), valid);
    }
    for (var i = 0u; i < 4; i++) {
      let first = firstColumn + (quad + 8 * i) * 4;
      let column = min(vec4u(first, first + 1, first + 2, first + 3), vec4u(columns - 1));
      let iy = oy * p.strideH + column % area / p.kw * p.dilationH - p.padTop;
      let ix = ox * p.strideW + column % p.kw * p.dilationW - p.padLeft;
      let source = (n * p.c + group * channels + column / area) * inPlane + iy * p.w + ix;
      let inside = (iy < vec4u(p.h)) & (ix < vec4u(p.w)) & vec4<bool>(valid);
      rightTile[depth * 32 + quad + 8 * i] = select(vec4f(), vec4f(x[source.x], x[source.y], x[source.z], x[source.w]), inside);
    }
    workgroupBarrier();
    multiplyTiles(&sums, lane);
    workgroupBarrier();
  }
  for (var row = 0u; row < 8; row++) {
    let output = firstOutput + lane / 16 * 4 + row % 4 + row / 4 * 32;
    if (output >= outputs) { continue; }
    let at = (wg.z * p.m + group * outputs + output) * columns;
    for (var half = 0u; half < 2; half++) {
      for (var i = 0u; i < 4; i++) {
        let column = firstColumn + half * 64 + lane % 16 * 4 + i;
        if (column < columns) { parts[at + column] = sums[half * 8 + row][i]; }
      }
    }
  }
}
