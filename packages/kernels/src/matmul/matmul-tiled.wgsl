// Y [M, N] = alpha * A' B' + beta * C in tiles: each invocation computes 8 rows x 16 columns, so that 8 values of A' and 16 of
// B' serve 128 multiply-adds; lanes are neighbours in rows and share those of B'.
struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32, // strides of A' [M, K]
  bRow: u32, bColumn: u32, // strides of B' [K, N]
  cRow: u32, cColumn: u32, // strides of C, 0 where it is broadcast
  hasC: u32,
  alpha: f32, beta: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>; // B
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn outer(sum: mat4x4f, values: vec4f, weight: vec4f) -> mat4x4f {
  return mat4x4f(sum[0] + values.x * weight, sum[1] + values.y * weight, sum[2] + values.z * weight, sum[3] + values.w * weight);
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) wg: vec3u, lane: Lane) {
  let p = params;
  let row = (wg.x * 32 + lane.local) * 8;
  let column = wg.y * 16;
  var atA = min(vec4u(row, row + 1, row + 2, row + 3), vec4u(p.m - 1)) * p.aRow;
  var atB = min(vec4u(row + 4, row + 5, row + 6, row + 7), vec4u(p.m - 1)) * p.aRow;
  var weight = column * p.bColumn;
  // rows a: 0-3, b: 4-7; columns 0-3, 4-7, 8-11, 12-15
  var a0 = mat4x4f(); var a1 = mat4x4f(); var a2 = mat4x4f(); var a3 = mat4x4f();
  var b0 = mat4x4f(); var b1 = mat4x4f(); var b2 = mat4x4f(); var b3 = mat4x4f();
  for (var k = 0u; k < p.k; k++) {
    let inA = vec4f(a[atA.x], a[atA.y], a[atA.z], a[atA.w]);
    let inB = vec4f(a[atB.x], a[atB.y], a[atB.z], a[atB.w]);
    let w0 = weights4(weight, p.bColumn, lane);
    let w1 = weights4(weight + 4 * p.bColumn, p.bColumn, lane);
    let w2 = weights4(weight + 8 * p.bColumn, p.bColumn, lane);
    let w3 = weights4(weight + 12 * p.bColumn, p.bColumn, lane);
    a0 = outer(a0, inA, w0); a1 = outer(a1, inA, w1); a2 = outer(a2, inA, w2); a3 = outer(a3, inA, w3);
    b0 = outer(b0, inB, w0); b1 = outer(b1, inB, w1); b2 = outer(b2, inB, w2); b3 = outer(b3, inB, w3);
    atA += vec4u(p.aColumn);
    atB += vec4u(p.aColumn);
    weight += p.bRow;
  }
  var sums = array<mat4x4f, 8>(a0, a1, a2, a3, b0, b1, b2, b3);
  for (var i = 0u; i < min(8, p.m - min(p.m, row)); i++) {
    for (var j = 0u; j < min(16, p.n - column); j++) {
      var value = p.alpha * sums[i / 4 * 4 + j / 4][i % 4][j % 4];
      if (p.hasC != 0) { value += p.beta * c[(row + i) * p.cRow + (column + j) * p.cColumn]; }
      y[(row + i) * p.n + column + j] = value;
    }
  }
}
