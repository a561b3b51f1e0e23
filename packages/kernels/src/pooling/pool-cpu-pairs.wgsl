@group(0) @binding(3) var<storage, read_write> dx: array<vec2f>;

/** A plane of what was gathered with a stride of 2, rows of even length: the pairs of their columns. Rows that no window reaches have zeros. */
fn copyOut(p: Params, plane: u32, lane: u32) {
  let length = p.width / 2u;
  let first = plane * p.height * length;
  let whole = length & 0xfffffffcu;
  var even = p.padTop * p.pitch + p.padLeft % 2u * p.phase + p.padLeft / 2u;
  var odd = p.padTop * p.pitch + (p.padLeft + 1u) % 2u * p.phase + (p.padLeft + 1u) / 2u;
  var to = first;
  for (var row = 0u; row < p.copied; row++) {
    for (var i = 0u; i < whole; i += 4u) {
      dx[to + i + lane] = vec2f(gathered[even + i + lane], gathered[odd + i + lane]);
    }
    for (var i = whole; i < length; i++) {
      dx[to + i] = vec2f(gathered[even + i], gathered[odd + i]);
    }
    even += p.pitch;
    odd += p.pitch;
    to += length;
  }
  for (var i = p.copied * length; i < p.height * length; i++) {
    dx[first + i] = vec2f();
  }
}
