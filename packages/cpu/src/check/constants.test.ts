import { describe, expect, test } from 'vitest'
import { fault, lastValue, show } from './testing/show.js'

/** The folded value of an expression in a function. */
const folded = (expression: string) => show(lastValue(`fn f() { let last = ${expression}; }`))
const single = Math.fround

describe('values of const-expressions', () => {
  test.each([
    // Integers: abstract ones have 64 bits, i32 and u32 wrap; division and remainder cut toward zero.
    ['9223372036854775807 - 9223372036854775806', '1i'],
    ['2147483647i + 1i', '-2147483648i'],
    ['1u - 2u', '4294967295u'],
    ['65536u * 65537u', '65536u'],
    ['-7 / 2', '-3i'],
    ['-7 % 3', '-1i'],
    ['7 % -3', '1i'],
    ['~0u ^ 0xffu', '4294967040u'],
    ['(5 & 3) | 8', '9i'],
    ['-1 >> 4', '-1i'],
    ['0xf0000000u >> 28', '15u'],
    ['1 << 30', '1073741824i'],
    ['-i32(-2147483648)', '-2147483648i'],
    ['abs(i32(-2147483648))', '-2147483648i'],
    // Floats: abstract ones have 64 bits, f32 is rounded at each step.
    ['0.1f + 0.2f', `${single(single(0.1) + single(0.2))}f`],
    ['0.1 + 0.2', `${single(0.1 + 0.2)}f`],
    ['16777217f', '16777216f'],
    ['16777216.0 + 1.0 - 16777216.0', '1f'],
    ['16777216f + 1f - 16777216f', '0f'],
    ['5.5 % 2', '1.5f'],
    ['-5.5 % 2', '-1.5f'],
    ['0x1.8p3 + .5 + 1. + 1e1f', '23.5f'],
    ['0x1p-149f', `${2 ** -149}f`],
    // Conversions
    ['i32(-1.9)', '-1i'],
    ['u32(-1.0)', '0u'],
    ['i32(3e9)', '2147483647i'],
    ['i32(3e9f)', '2147483520i'],
    ['u32(1e20f)', '4294967040u'],
    ['u32(-1i)', '4294967295u'],
    ['f32(4294967295u)', '4294967296f'],
    ['vec2<bool>(vec2(0.0, 0.5)).y', 'true'],
    ['bitcast<u32>(1.0)', '1065353216u'],
    ['bitcast<i32>(0xffffffffu)', '-1i'],
    ['bitcast<f32>(0x40490fdb)', `${single(Math.PI)}f`],
    // Logic: what is not come to may fail.
    ['false && 1 / 0 == 1', 'false'],
    ['true || vec2(1, 2)[0] / 0 == 1', 'true'],
    ['all(vec3(1, 2, 3) < vec3(2, 3, 4)) != any(vec2(false))', 'true'],
    ['select(vec2(1, 2), vec2(3, 4), vec2(true, false)).x', '3i'],
    // Composites
    ['vec4(vec2(1), 2, 3.5).zwxy', '[vec4<f32> 2f 3.5f 1f 1f]'],
    ['mat2x2(1, 2, 3, 4) * vec2(1, 10)', '[vec2<f32> 31f 42f]'],
    ['vec2(1, 10) * mat2x2(1, 2, 3, 4)', '[vec2<f32> 21f 43f]'],
    ['(mat2x3(1, 2, 3, 4, 5, 6) * mat3x2(1, 0, 0, 1, 1, 1))[2]', '[vec3<f32> 5f 7f 9f]'],
    ['(2 * mat2x2(1, 2, 3, 4) - mat2x2(1, 1, 1, 1))[1][0]', '5f'],
    ['array(array(1, 2), array(3, 4))[1][0]', '3i'],
    ['transpose(mat2x3(1, 2, 3, 4, 5, 6))[2].y', '6f'],
    ['determinant(mat3x3(2, 0, 1, 1, 3, 2, 1, 1, 4))', '18f'],
    // The library
    ['max(1, 2.5) + min(3, 2) + clamp(7, 0, 5)', '9.5f'],
    ['round(2.5) + round(-1.5) + trunc(-2.7) + floor(-0.5) + ceil(0.2)', '-2f'],
    ['fract(-1.25) + sign(-3.0) + saturate(4.0)', '0.75f'],
    ['sqrt(2.0)', `${single(Math.SQRT2)}f`],
    ['exp2(10) + log2(8.0) + pow(2, 0.5) * inverseSqrt(2.0)', '1028f'],
    ['mix(vec2(0, 10), vec2(10, 20), 0.25).y + step(1, 2) + smoothstep(0, 1, 0.5) + fma(2.0, 3, 4)', '24f'],
    ['dot(vec3(1, 2, 3), vec3(4, 5, 6))', '32i'],
    ['cross(vec3(1, 0, 0), vec3(0, 1, 0)).z + length(vec2(3, 4)) + distance(1.0, 3) + normalize(vec2(0, 2)).y', '9f'],
    ['reflect(vec2(1, -1), vec2(0, 1)).y + faceForward(vec2(1, 1), vec2(1, 0), vec2(1, 0)).x', '0f'],
    ['refract(vec2(0, -1), vec2(0, 1), 0.5).y', '-1f'],
    ['ldexp(1.5, 3) + frexp(12.0).fract', '12.75f'],
    ['frexp(12.0).exp', '4i'],
    ['modf(-2.75).fract', '-0.75f'],
    ['degrees(radians(90.0))', '90f'],
    ['quantizeToF16(1.0009f)', '1.0009765625f'],
    ['quantizeToF16(5e-8f)', `${2 ** -24}f`],
    ['countLeadingZeros(1u) + countTrailingZeros(8u) + countOneBits(0xff00ffu)', '50u'],
    ['firstLeadingBit(-1i)', '-1i'],
    ['firstLeadingBit(-2i) + firstTrailingBit(12i)', '2i'],
    ['firstTrailingBit(0u)', '4294967295u'],
    ['reverseBits(1u)', '2147483648u'],
    ['extractBits(0xf0u, 4, 4) + extractBits(1u, 0, 0)', '15u'],
    ['extractBits(0xf0i, 4, 4)', '-1i'],
    ['insertBits(0xffffu, 0, 4, 8)', '61455u'],
    ['dot4I8Packed(0x80ff0102u, 0x01010203u)', '-121i'],
    ['dot4U8Packed(0x80ff0102u, 0x01010203u)', '391u'],
    ['pack4x8snorm(vec4(-1, 0, 0.5, 2))', '2134900865u'],
    ['pack4x8unorm(vec4(-1, 0, 0.5, 2))', '4286578688u'],
    ['pack2x16float(vec2(1, -2))', '3221240832u'],
    ['pack4xI8Clamp(vec4(-200, 200, 1, -1))', '4278288256u'],
    ['pack4xU8(vec4u(1, 2, 3, 260))', '67305985u'],
    ['unpack4x8snorm(0x80817f01u)', `[vec4<f32> ${single(1 / 127)}f 1f -1f -1f]`],
    ['unpack2x16float(0xc0003c00u)', '[vec2<f32> 1f -2f]'],
    ['unpack4xI8(0x80ff0102u)', '[vec4<i32> 2i 1i -1i -128i]'],
  ])('%s = %s', (expression, value) => expect(folded(expression)).toBe(value))
})

describe('const-expressions that have no value', () => {
  test.each([
    ['9223372036854775807 + 1', '9223372036854775808 is out of the range of an integer (64 bits)'],
    ['2147483648', "2147483648 is out of the range of 'i32'"],
    ['9223372036854775808', "9223372036854775808 is out of the range of 'abstract-int'"],
    ['2147483648i', "2147483648i is out of the range of 'i32'"],
    ['1e39', "1e+39 is out of the range of 'f32'"],
    ['1e400', "1e400 is out of the range of 'abstract-float'"],
    ['1e39f', "1e39f is out of the range of 'f32'"],
    ['0x1.00000001p0f', "is not exactly a number of type 'f32'"],
    ['1 / 0', 'division by zero: 1 / 0'],
    ['1.0 % 0', 'division by zero'],
    ['i32(-2147483648) / -1', 'overflows'],
    ['1u << 32', 'a shift by 32: an u32 has 32 bits only'],
    ['1i << 31', 'overflows'],
    ['3u << 31', 'overflows'],
    ['1 << -1', "-1 is out of the range of 'u32'"],
    ['3e38f * 10', "is out of the range of 'f32'"],
    ['sqrt(-1.0)', "'sqrt': the result is NaN"],
    ['log(0.0f)', "-Infinity is out of the range of 'f32'"],
    ['pow(-1.0, 2)', "'pow' of -1 to the 2"],
    ['normalize(vec2(0.0))', "'normalize' of a vector of length 0"],
    ['clamp(1, 3, 2)', "'clamp' with a low bound of 3 above the high bound of 2"],
    ['smoothstep(1.0, 1.0, 2.0)', "'smoothstep' with equal edges, 1"],
    ['ldexp(1.0f, 129)', "'ldexp' with an exponent of 129"],
    ['extractBits(1u, 20, 20)', "'extractBits' of 20 bits from bit 20"],
    ['bitcast<f32>(0x7f800000u)', "the bits of 2139095040 are no finite 'f32'"],
    ['quantizeToF16(70000.0f)', "70000 is out of the range of 'f16'"],
    ['vec3(1, 2, 3)[3]', "the index 3 is out of bounds of 'vec3<abstract-int>': 0 to 2"],
  ])('%s', (expression, message) => expect(fault(`fn f() { let last = ${expression}; }`)).toContain(message))

  test('one argument that is wrong whatever the others are', () => {
    const wrong = (expression: string) => fault(`fn f(x: f32, i: i32, u: u32) { let last = ${expression}; }`)
    for (const [expression, message] of [
      ['i / 0', 'division by zero'],
      ['vec2(u) % vec2(1, 0)', 'division by zero'],
      ['i << 32', 'a shift by 32'],
      ['clamp(x, 2, 1)', 'above the high bound'],
      ['smoothstep(1, 1, x)', 'equal edges'],
      ['ldexp(x, 129)', 'an exponent of 129'],
      ['insertBits(u, 1, 30, 3)', 'of 3 bits from bit 30'],
      ['array(x, x)[2]', 'out of bounds'],
    ])
      expect(wrong(expression)).toContain(message)
    for (const expression of ['x / 0', 'i / i', 'i << u', 'extractBits(u, 33, u)', 'false && i / 0 == 1'])
      expect(wrong(expression)).toBe('none')
  })
})

test('constants of a module keep abstract types until they are used', () => {
  const source = `
    const third = 1.0 / 3; const list = array(1, 2.5, 4); const big = 4294967295; const parts = modf(2.5);
    const_assert third * 3 == 1.0; const_assert list[1] == 2.5 && big + 1 > big;
    fn f(i: u32) { let a: u32 = big; let b: vec2f = vec2(third); let c = parts; let last = list[i]; }`
  expect(show(lastValue(source))).toBe('[index [array<f32, 3> 1f 2.5f 4f] i]')
  expect(fault('const big = 4294967295; fn f() { let a: i32 = big; }')).toBe("1:47 4294967295 is out of the range of 'i32'")
  expect(fault('const a = 1; const_assert a + 1 == 3;')).toBe('1:14 the assertion does not hold')
})
