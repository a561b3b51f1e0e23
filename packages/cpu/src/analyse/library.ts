/**
 * Functions of WGSL's library that WebAssembly has no instruction for, in WGSL itself: they are joined into the shader like functions of its own, so that
 * lanes and single values both have them. Polynomials are those of Cephes (S. Moshier); errors are within a few units in the last place,
 * far inside of what WGSL asks for.
 */
import { checkModule } from '../check/index.js'
import type { Func } from '../check/program.js'

const source = /* wgsl */ `
fn exp(x: f32) -> f32 {
  let c = min(max(x, -104.0), 89.0);
  let n = round(c * 1.44269504088896341);
  let r = (c - n * 0.693359375) + n * 2.12194440e-4;
  var p = 1.9875691500e-4 * r + 1.3981999507e-3;
  p = p * r + 8.3334519073e-3;
  p = p * r + 4.1665795894e-2;
  p = p * r + 1.6666665459e-1;
  p = p * r + 5.0000001201e-1;
  let e = (p * r) * r + r + 1.0;
  let whole = i32(n);
  let half = whole >> 1u;
  let y = e * bitcast<f32>((half + 127) << 23u) * bitcast<f32>((whole - half + 127) << 23u);
  return select(y, x, x != x);
}
fn exp2(x: f32) -> f32 {
  let c = min(max(x, -151.0), 129.0);
  let n = round(c);
  let r = (c - n) * 0.693147180559945;
  var p = 1.9875691500e-4 * r + 1.3981999507e-3;
  p = p * r + 8.3334519073e-3;
  p = p * r + 4.1665795894e-2;
  p = p * r + 1.6666665459e-1;
  p = p * r + 5.0000001201e-1;
  let e = (p * r) * r + r + 1.0;
  let whole = i32(n);
  let half = whole >> 1u;
  let y = e * bitcast<f32>((half + 127) << 23u) * bitcast<f32>((whole - half + 127) << 23u);
  return select(y, x, x != x);
}
struct Log { polynomial: f32, mantissa: f32, exponent: f32 }
fn logParts(x: f32) -> Log {
  let small = x < 1.17549435e-38;
  let scaled = select(x, x * 8388608.0, small);
  let bits = bitcast<i32>(scaled);
  var e = f32((bits >> 23u) - 126) - select(0.0, 23.0, small);
  var m = bitcast<f32>((bits & 0x007fffff) | 0x3f000000);
  let low = m < 0.707106781186547524;
  e = select(e, e - 1.0, low);
  m = select(m - 1.0, m + m - 1.0, low);
  let z = m * m;
  var p = 7.0376836292e-2 * m - 1.1514610310e-1;
  p = p * m + 1.1676998740e-1;
  p = p * m - 1.2420140846e-1;
  p = p * m + 1.4249322787e-1;
  p = p * m - 1.6668057665e-1;
  p = p * m + 2.0000714765e-1;
  p = p * m - 2.4999993993e-1;
  p = p * m + 3.3333331174e-1;
  return Log(p * m * z - 0.5 * z, m, e);
}
fn logSpecial(x: f32, y: f32) -> f32 {
  let infinite = select(y, x, bitcast<u32>(x) == 0x7f800000u || x != x);
  let bits = bitcast<u32>(infinite);
  return bitcast<f32>(select(select(bits, 0x7fc00000u, x < 0.0), 0xff800000u, x == 0.0));
}
fn log(x: f32) -> f32 {
  let l = logParts(x);
  return logSpecial(x, (l.polynomial + l.exponent * -2.12194440e-4) + l.mantissa + l.exponent * 0.693359375);
}
fn log2(x: f32) -> f32 {
  let l = logParts(x);
  return logSpecial(x, l.polynomial * 0.44269504088896341 + l.mantissa * 0.44269504088896341 + l.polynomial + l.mantissa + l.exponent);
}
fn pow(x: f32, y: f32) -> f32 {
  return select(exp2(y * log2(x)), 1.0, y == 0.0);
}
struct Reduced { r: f32, k: f32 }
fn reduce(x: f32) -> Reduced {
  let k = round(x * 0.63661977236758134);
  let r = (((x - k * 1.5703125) - k * 4.837512969970703125e-4) - k * 7.54953362047672271e-8) - k * 2.56334406825708960e-12;
  return Reduced(r, k);
}
fn sine(reduced: Reduced, quarters: f32) -> f32 {
  let r = reduced.r;
  let z = r * r;
  let odd = r + r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1);
  let even = 1.0 - 0.5 * z + z * z * ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2);
  let turned = reduced.k + quarters;
  let turn = turned - 4.0 * floor(turned * 0.25);
  let value = select(odd, even, turn == 1.0 || turn == 3.0);
  return select(value, -value, turn >= 2.0);
}
fn sin(x: f32) -> f32 { return sine(reduce(x), 0.0); }
fn cos(x: f32) -> f32 { return sine(reduce(x), 1.0); }
fn tan(x: f32) -> f32 {
  let reduced = reduce(x);
  return sine(reduced, 0.0) / sine(reduced, 1.0);
}
fn arcsine(a: f32) -> f32 {
  let z = a * a;
  var p = 4.2163199048e-2 * z + 2.4181311049e-2;
  p = p * z + 4.5470025998e-2;
  p = p * z + 7.4953002686e-2;
  p = p * z + 1.6666752422e-1;
  return p * z * a + a;
}
fn asin(x: f32) -> f32 {
  let a = abs(x);
  let far = a > 0.5;
  let near = arcsine(select(a, sqrt(0.5 * (1.0 - a)), far));
  let value = select(near, 1.5707963267948966 - 2.0 * near, far);
  return select(value, -value, x < 0.0);
}
fn acos(x: f32) -> f32 {
  let a = abs(x);
  let far = a > 0.5;
  let near = arcsine(select(a, sqrt(0.5 * (1.0 - a)), far));
  let positive = select(1.5707963267948966 - near, 2.0 * near, far);
  return select(positive, 3.14159265358979324 - positive, x < 0.0);
}
fn atan(x: f32) -> f32 {
  let a = abs(x);
  let far = a > 2.414213562373095;
  let middle = a > 0.4142135623730950;
  let t = select(select(a, (a - 1.0) / (a + 1.0), middle), -1.0 / a, far);
  let offset = select(select(0.0, 0.7853981633974483, middle), 1.5707963267948966, far);
  let z = t * t;
  let y = offset + ((((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1) * z * t + t);
  return select(y, -y, x < 0.0);
}
fn atan2(y: f32, x: f32) -> f32 {
  let value = atan(y / x);
  let turned = select(value + 3.14159265358979324, value - 3.14159265358979324, y < 0.0);
  let upright = select(select(0.0, 1.5707963267948966, y > 0.0), -1.5707963267948966, y < 0.0);
  return select(select(value, turned, x < 0.0), upright, x == 0.0);
}
fn sinh(x: f32) -> f32 {
  let z = x * x;
  let near = x + x * z * (1.66667160211e-1 + z * (8.33028376239e-3 + z * 2.03721912945e-4));
  let e = exp(abs(x) - 0.6931471805599453);
  let far = e - 0.25 / e;
  return select(select(far, -far, x < 0.0), near, abs(x) < 1.0);
}
fn cosh(x: f32) -> f32 {
  let e = exp(abs(x) - 0.6931471805599453);
  return e + 0.25 / e;
}
fn tanh(x: f32) -> f32 {
  let z = x * x;
  let near = x + x * z * ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z - 3.33332819422e-1);
  let far = 1.0 - 2.0 / (exp(2.0 * abs(x)) + 1.0);
  return select(select(far, -far, x < 0.0), near, abs(x) < 0.625);
}
fn asinh(x: f32) -> f32 {
  let a = abs(x);
  let z = x * x;
  let near = a + a * z * (((2.0122003309e-2 * z - 4.2699340972e-2) * z + 7.4847586088e-2) * z - 1.6666288134e-1);
  let middle = log(a + sqrt(a * a + 1.0));
  let far = log(a) + 0.6931471805599453;
  let value = select(select(middle, far, a > 1500.0), near, a < 0.5);
  return select(value, -value, x < 0.0);
}
fn acosh(x: f32) -> f32 {
  return select(log(x + sqrt(x * x - 1.0)), log(x) + 0.6931471805599453, x > 1500.0);
}
fn atanh(x: f32) -> f32 {
  let z = x * x;
  let near = x + x * z * ((((1.81740078349e-1 * z + 8.24370301058e-2) * z + 1.46691431730e-1) * z + 1.99782164500e-1) * z + 3.33337300303e-1);
  return select(0.5 * log((1.0 + x) / (1.0 - x)), near, abs(x) < 0.5);
}
fn reverseBits(x: u32) -> u32 {
  var v = ((x >> 1u) & 0x55555555u) | ((x & 0x55555555u) << 1u);
  v = ((v >> 2u) & 0x33333333u) | ((v & 0x33333333u) << 2u);
  v = ((v >> 4u) & 0x0f0f0f0fu) | ((v & 0x0f0f0f0fu) << 4u);
  v = ((v >> 8u) & 0x00ff00ffu) | ((v & 0x00ff00ffu) << 8u);
  return (v >> 16u) | (v << 16u);
}
fn extractBitsUnsigned(e: u32, offset: u32, count: u32) -> u32 {
  let o = min(offset, 32u);
  let c = min(count, 32u - o);
  let shifted = e << ((32u - o - c) & 31u);
  return select(shifted >> ((32u - c) & 31u), 0u, c == 0u);
}
fn extractBitsSigned(e: i32, offset: u32, count: u32) -> i32 {
  let o = min(offset, 32u);
  let c = min(count, 32u - o);
  let shifted = e << ((32u - o - c) & 31u);
  return select(shifted >> ((32u - c) & 31u), 0, c == 0u);
}
fn insertBits(e: u32, newbits: u32, offset: u32, count: u32) -> u32 {
  let o = min(offset, 32u);
  let c = min(count, 32u - o);
  let low = select((1u << (c & 31u)) - 1u, 0xffffffffu, c >= 32u);
  let mask = select(low << (o & 31u), 0u, o >= 32u);
  return (e & ~mask) | ((newbits << (o & 31u)) & mask);
}
fn ldexp(x: f32, e: i32) -> f32 {
  let c = clamp(e, -280, 280);
  let a = clamp(c, -126, 127);
  let b = clamp(c - a, -126, 127);
  let d = c - a - b;
  return x * bitcast<f32>((a + 127) << 23u) * bitcast<f32>((b + 127) << 23u) * bitcast<f32>((d + 127) << 23u);
}
fn frexpScaled(x: f32) -> u32 {
  let small = abs(x) < 1.17549435e-38;
  return bitcast<u32>(select(x, x * 8388608.0, small));
}
fn frexpFraction(x: f32) -> f32 {
  let bits = frexpScaled(x);
  let special = (bits & 0x7fffffffu) == 0u || (bits & 0x7f800000u) == 0x7f800000u;
  return select(bitcast<f32>((bits & 0x807fffffu) | 0x3f000000u), x, special);
}
fn frexpExponent(x: f32) -> i32 {
  let bits = frexpScaled(x);
  let special = (bits & 0x7fffffffu) == 0u || (bits & 0x7f800000u) == 0x7f800000u;
  let e = i32((bits >> 23u) & 0xffu) - 126 - select(0, 23, abs(x) < 1.17549435e-38);
  return select(e, 0, special);
}
fn halfBits(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let a = bits & 0x7fffffffu;
  // Normal halves: round to even at bit 13. Subnormal ones: adding 0.5 makes the hardware round at the right place.
  let normal = (a + 0x0fffu + ((a >> 13u) & 1u) - 0x38000000u) >> 13u;
  let subnormal = bitcast<u32>(bitcast<f32>(a) + 0.5) - 0x3f000000u;
  let number = select(normal, subnormal, a < 0x38800000u);
  let big = select(number, 0x7c00u, a >= 0x477ff000u);
  return sign | select(big, 0x7e00u, a > 0x7f800000u);
}
fn halfValue(h: u32) -> f32 {
  let magnitude = h & 0x7fffu;
  let normal = bitcast<f32>((magnitude << 13u) + 0x38000000u);
  let subnormal = f32(magnitude) * 5.9604644775390625e-8;
  let special = bitcast<f32>((magnitude << 13u) | 0x7f800000u);
  let value = select(select(normal, subnormal, magnitude < 0x400u), special, magnitude >= 0x7c00u);
  return bitcast<f32>(bitcast<u32>(value) | ((h & 0x8000u) << 16u));
}
fn quantizeToF16(x: f32) -> f32 { return halfValue(halfBits(x)); }
fn pack2x16float(v: vec2f) -> u32 { return halfBits(v.x) | (halfBits(v.y) << 16u); }
fn unpack2x16float(e: u32) -> vec2f { return vec2f(halfValue(e & 0xffffu), halfValue(e >> 16u)); }
fn pack4x8snorm(v: vec4f) -> u32 {
  let q = vec4u(vec4i(floor(0.5 + 127.0 * min(max(v, vec4f(-1.0)), vec4f(1.0))))) & vec4u(0xffu);
  return q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
}
fn pack4x8unorm(v: vec4f) -> u32 {
  let q = vec4u(floor(0.5 + 255.0 * min(max(v, vec4f(0.0)), vec4f(1.0))));
  return q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
}
fn pack2x16snorm(v: vec2f) -> u32 {
  let q = vec2u(vec2i(floor(0.5 + 32767.0 * min(max(v, vec2f(-1.0)), vec2f(1.0))))) & vec2u(0xffffu);
  return q.x | (q.y << 16u);
}
fn pack2x16unorm(v: vec2f) -> u32 {
  let q = vec2u(floor(0.5 + 65535.0 * min(max(v, vec2f(0.0)), vec2f(1.0))));
  return q.x | (q.y << 16u);
}
fn signedBytes(e: u32) -> vec4i { return vec4i(bitcast<i32>(e << 24u), bitcast<i32>(e << 16u), bitcast<i32>(e << 8u), bitcast<i32>(e)) >> vec4u(24u); }
fn unsignedBytes(e: u32) -> vec4u { return vec4u(e, e >> 8u, e >> 16u, e >> 24u) & vec4u(0xffu); }
fn unpack4x8snorm(e: u32) -> vec4f { return max(vec4f(signedBytes(e)) / 127.0, vec4f(-1.0)); }
fn unpack4x8unorm(e: u32) -> vec4f { return vec4f(unsignedBytes(e)) / 255.0; }
fn unpack2x16snorm(e: u32) -> vec2f { return max(vec2f(vec2i(bitcast<i32>(e << 16u), bitcast<i32>(e)) >> vec2u(16u)) / 32767.0, vec2f(-1.0)); }
fn unpack2x16unorm(e: u32) -> vec2f { return vec2f(vec2u(e & 0xffffu, e >> 16u)) / 65535.0; }
fn pack4xI8(v: vec4i) -> u32 {
  let q = vec4u(v) & vec4u(0xffu);
  return q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
}
fn pack4xU8(v: vec4u) -> u32 {
  let q = v & vec4u(0xffu);
  return q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
}
fn pack4xI8Clamp(v: vec4i) -> u32 { return pack4xI8(clamp(v, vec4i(-128), vec4i(127))); }
fn pack4xU8Clamp(v: vec4u) -> u32 { return pack4xU8(min(v, vec4u(255u))); }
fn unpack4xI8(e: u32) -> vec4i { return signedBytes(e); }
fn unpack4xU8(e: u32) -> vec4u { return unsignedBytes(e); }
fn dot4U8Packed(a: u32, b: u32) -> u32 { return dot(unsignedBytes(a), unsignedBytes(b)); }
fn dot4I8Packed(a: u32, b: u32) -> i32 { return dot(signedBytes(a), signedBytes(b)); }
`

let functions: Map<string, Func> | undefined

/** A function of the library by its name there. */
export function libraryFunction(name: string): Func | undefined {
  functions ??= new Map(checkModule(source).functions.map((each) => [each.name, each]))
  return functions.get(name)
}
