@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

/** A plane of what was gathered, by columns of equal remainder. Rows that no window reaches have zeros. */
fn copyOut(p: Params, plane: u32, lane: u32) {
  let first = plane * p.height * p.width;
  for (var q = 0u; q < STRIDE; q++) {
    if (q < p.width) {
      let count = (p.width - q + STRIDE - 1u) / STRIDE;
      let whole = select(0u, count & 0xfffffffcu, STRIDE == 1u);
      var at = p.padTop * p.pitch + (p.padLeft + q) % STRIDE * p.phase + (p.padLeft + q) / STRIDE;
      var to = first + q;
      for (var row = 0u; row < p.copied; row++) {
        for (var i = 0u; i < whole; i += 4u) {
          dx[to + i + lane] = gathered[at + i + lane];
        }
        for (var i = whole; i < count; i++) {
          dx[to + i * STRIDE] = gathered[at + i];
        }
        at += p.pitch;
        to += p.width;
      }
    }
  }
  for (var i = p.copied * p.width; i < p.height * p.width; i++) {
    dx[first + i] = 0.0;
  }
}
