// The inner loop of the kernels for hardware: a workgroup of 128 invocations multiplies a 64 x 16 by a 16 x 128 tile that all have loaded together.
// Each invocation keeps 8 rows x 8 columns of the product: 4 vectors of workgroup memory serve 64 multiply-adds. Rows are outputs; columns are
// pixels, or (in a weight gradient) weights of an output.
const tileRows = 64u;
const tileColumns = 128u;
const tileDepth = 16u;
var<workgroup> leftTile: array<vec4f, 256>; // [depth, rows / 4]
var<workgroup> rightTile: array<vec4f, 512>; // [depth, columns / 4]

/** sums[r + 4h][v]: row 4 (lane / 16) + r + 32 h, columns 4 (lane % 16) + v of the left half; sums[8 + ...]: of the right half. */
fn multiplyTiles(sums: ptr<function, array<vec4f, 16>>, lane: u32) {
  let row = lane / 16;
  let column = lane % 16;
  for (var k = 0u; k < tileDepth; k++) {
    let a = leftTile[k * 16 + row];
    let b = leftTile[k * 16 + 8 + row];
    let c = rightTile[k * 32 + column];
    let d = rightTile[k * 32 + 16 + column];
    sums[0] = fma(c, vec4f(a.x), sums[0]);
    sums[1] = fma(c, vec4f(a.y), sums[1]);
    sums[2] = fma(c, vec4f(a.z), sums[2]);
    sums[3] = fma(c, vec4f(a.w), sums[3]);
    sums[4] = fma(c, vec4f(b.x), sums[4]);
    sums[5] = fma(c, vec4f(b.y), sums[5]);
    sums[6] = fma(c, vec4f(b.z), sums[6]);
    sums[7] = fma(c, vec4f(b.w), sums[7]);
    sums[8] = fma(d, vec4f(a.x), sums[8]);
    sums[9] = fma(d, vec4f(a.y), sums[9]);
    sums[10] = fma(d, vec4f(a.z), sums[10]);
    sums[11] = fma(d, vec4f(a.w), sums[11]);
    sums[12] = fma(d, vec4f(b.x), sums[12]);
    sums[13] = fma(d, vec4f(b.y), sums[13]);
    sums[14] = fma(d, vec4f(b.z), sums[14]);
    sums[15] = fma(d, vec4f(b.w), sums[15]);
  }
}
