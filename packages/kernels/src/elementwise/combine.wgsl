// p (op) q: joined to the kernels of equal and of broadcast shapes.

override OPERATION: u32 = 0u; // the order of elementwise.reference.ts

/** p ^ |n| for whole |n| below 64, by squaring. */
fn powerByProducts(p: vec4f, n: vec4f) -> vec4f {
  var result = vec4f(1.0);
  var square = p;
  var rest = abs(n);
  for (var i = 0; i < 6; i++) {
    let half = floor(rest * 0.5);
    result *= select(vec4f(1.0), square, rest - 2.0 * half == vec4f(1.0));
    square *= square;
    rest = half;
  }
  return select(result, 1.0 / result, n < vec4f());
}

/** Whole exponents up to 63 by products (exact squares and cubes), others through logarithms, which have a NaN for a base below 0 unless the exponent is whole. */
fn power(p: vec4f, q: vec4f) -> vec4f {
  let whole = floor(q) == q;
  let magnitude = select(exp2(q * log2(abs(p))), select(vec4f(), 1.0 / abs(p), q < vec4f()), p == vec4f());
  let odd = whole & (q - 2.0 * floor(q * 0.5) == vec4f(1.0));
  let below = select(select(nan(), magnitude, whole), -magnitude, odd);
  return select(select(magnitude, below, p < vec4f()), powerByProducts(p, q), whole & (abs(q) < vec4f(64.0)));
}

fn nan() -> vec4f {
  return vec4f(bitcast<f32>(0x7fc00000u | (params.each & 0u))); // a constant is refused
}

fn combine(p: vec4f, q: vec4f) -> vec4f {
  switch OPERATION {
    case 0u: { return p + q; }
    case 1u: { return p - q; }
    case 2u: { return p * q; }
    case 3u: { return p / q; }
    case 4u: { return numbersOr(min(p, q), p, q); }
    case 5u: { return numbersOr(max(p, q), p, q); }
    case 6u: { return numbersOr(power(p, q), p, q); }
    case 7u: { return select(p, p * q, p < vec4f()); }
    case 8u: { return select(select(vec4f(), vec4f(0.5), p == q), vec4f(1.0), p > q); }
    case 9u: { return select(q * power(p, q - 1.0), vec4f(), q == vec4f()); }
    case 10u: { return select(power(p, q) * log(p), vec4f(), (p == vec4f()) & (q >= vec4f())); }
    case 11u: { return select(vec4f(1.0), q, p <= vec4f()); }
    case 12u: { return select(vec4f(), p * q, p < vec4f()); }
    case 13u: { return select(vec4f(), vec4f(1.0), p == q); }
    default: { return select(p / q, vec4f(), q == vec4f()); }
  }
}
