// y = the greatest of each window, or (ARGMAX) where in x it stands, for the gradient. Values are compared as ordered integers:
// the first maximum wins, and NaN, which a floating-point maximum would hide, is greater than everything.

override ARGMAX: bool = false;

struct Params {
  rows: u32, // images x channels x outHeight
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: u32,
  strideX: u32,
  dilationY: u32,
  dilationX: u32,
  padTop: u32,
  padLeft: u32,
  lanes: u32, // invocations that share an output row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>; // bits of f32, or indices into x

const lowest = -0x7fffffffi - 1i;

/** Orders the bits of floats as the floats are ordered; all NaN become the greatest. Applying it to its result gives the bits again. */
fn ordered(bits: u32) -> i32 {
  let value = bitcast<i32>(bits);
  return select(value ^ ((value >> 31u) & 0x7fffffffi), 0x7fffffffi, (bits & 0x7fffffffu) > 0x7f800000u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let row = index / params.lanes;
  if (row >= params.rows) {
    return;
  }
  let plane = row / params.outHeight;
  let top = (row - plane * params.outHeight) * params.strideY;
  // The window's rows inside of x.
  let above = select(0u, params.padTop - top, params.padTop > top);
  let first = (above + params.dilationY - 1u) / params.dilationY;
  let last = min(params.kernelHeight, (params.height + params.padTop - top + params.dilationY - 1u) / params.dilationY);
  for (var column = index - row * params.lanes; column < params.outWidth; column += params.lanes) {
    var best = lowest;
    var at = 0xffffffffu;
    for (var i = first; i < last; i++) {
      let base = (plane * params.height + top + i * params.dilationY - params.padTop) * params.width;
      var w = column * params.strideX - params.padLeft; // wraps around left of x
      for (var j = 0u; j < params.kernelWidth; j++) {
        let inside = w < params.width;
        let source = base + select(0u, w, inside);
        let value = ordered(x[source]);
        // A window of lowest values only still has a first one.
        let better = inside && (value > best || at == 0xffffffffu);
        best = select(best, value, better);
        at = select(at, source, better);
        w += params.dilationX;
      }
    }
    if (ARGMAX) {
      y[row * params.outWidth + column] = at;
    } else {
      let bits = bitcast<u32>(best ^ ((best >> 31u) & 0x7fffffffi));
      y[row * params.outWidth + column] = select(bits, 0xff800000u, at == 0xffffffffu);
    }
  }
}
