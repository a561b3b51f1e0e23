/** Shaders that are right though they look odd: each must be accepted, as Tint does. */

const inFunction = (body: string) => `fn f(i: i32, u: u32, x: f32, b: bool, v: vec3f, w: vec2u, m: mat2x3f) {\n${body}\n}`

const bodies: Record<string, string> = {
  'comment within a comment': '/* a /* b */ c */ let a = 1; // */',
  'line comment at the end of the file': 'let a = 1; //',
  'unicode names': 'let größe = 1; let Δέλτα = größe; let 変数 = Δέλτα;',
  'names like keywords': 'let If = 1; let loops = 2; let fn_ = 3; let _0 = 4; let a__b = 5;',
  'names of builtin functions': 'let max = 1; let min = max + 1; var dot = min; dot = max;',
  'names of types': 'let vec3f = 1; let i32 = vec3f; let array = i32;',
  'every kind of number': 'let a = array(0, 7, 0x1F, 0XabcDEF, 2147483647); let c = array(0u, 0xFFu, 4294967295u); let d = 0x7fi;',
  floats: 'let a = array(1., .5, 1e3, 1E-3, 1.5e+3, 0x1p4, 0x.8, 0X1.8P-2, 1f, 0x1.8p0f, 00.5);',
  'least i32': 'let a = -2147483648; let c: i32 = -2147483647i - 1;',
  'greatest f32': 'let a = 3.40282346638528859812e+38f; let c = 0x1.fffffep127;',
  'smallest f32': 'let a = 1e-45f; let c = 0x1p-149;',
  'too small for f32 becomes zero': 'let a = f32(1e-60);',
  'abstract arithmetic beyond 32 bits': 'const a = 4294967296 * 2 / 4294967296; let c: i32 = a * (1 << 40) / (1 << 40);',
  'whole number for a float': 'let a: f32 = 1; let c = x + 1; let d: vec2f = vec2(1, 2);',
  'whole number for u32': 'let a: u32 = 1; let c = u + 1; var d = array<u32, 2>(1, 2);',
  'i32 wraps when constant': 'let a = 2147483647i + 1i; let c = 65536i * 65536i; let d = -2147483647i - 2i;',
  'u32 wraps when constant': 'let a = 1u - 2u; let c = 65536u * 65536u;',
  signs: 'let a = - -i; let c = -(-i); let d = - - - i; let e = i - -1; let g = ~~u; let h = !!b;',
  'multiplied by what a pointer points at': 'var a = 1; let p = &a; let c = 2**p;',
  'address and and': 'var a = 1; let c = *&a & *&*&a; let d = b&&b;',
  'less and greater that are no templates': 'let a = i < 1; let c = i > (1); let d = (i < i) == (i > (i)); if i < 1 && i > (2) { }',
  'template list with an expression': 'var a: array<i32, 1 + 2>; var c: array<i32, select(1, 2, (4 > 3))>;',
  'nested template lists': 'var a: array<vec2<f32>,2>; var c: array<array<vec2<f32>,2>,2>; let d = array<vec2<i32>,1>(vec2<i32>(1));',
  'shift right beside template lists': 'let a = array<vec2<u32>,1>(w)[0].x>>1u;',
  'trailing commas': 'let a = vec2(1, 2,); let c = max(1, 2,); let d = array<i32, 2,>(1, 2,); switch i { case 1, 2, { } default: { } }',
  'empty statements': ';; let a = 1;;; { ; }',
  'empty blocks': '{ } { { } } if b { } else { } for (;;) { break; } loop { break; continuing { } }',
  'for without parts':
    'for (;;) { break; } for (; b;) { break; } var k = 0; for (k = 1; ; k++) { break; } for (; ; k += 2) { if k > 9 { break; } }',
  'for that begins with a call':
    'var k = vec2(1, 2); for (workgroupBarrier(); k.x < 3; k.x++) { } for (_ = 1; b; workgroupBarrier()) { break; }',
  'switch of default alone': 'switch i { default { } } switch u { default: { break; } }',
  'switch with default among others': 'switch i { case 1, default, 2: { } case 3 { } }',
  'switch on constants': 'const k = 3; switch i { case k + 1: { } case -k, 0x10: { } case 2147483647: { } default: { } }',
  'switch of a literal': 'switch 1 { case 1: { } default: { } } switch (1u) { case 1u: { } default: { } }',
  'break out of a switch in a loop': 'loop { switch i { default: { break; } } break; }',
  'continue out of a switch in a loop': 'for (var k = 0; k < 3; k++) { switch k { case 1: { continue; } default: { } } }',
  'break if with all of a loop': 'var k = 0; loop { k++; let last = k > 3; continuing { k += 2; break if last || k > 9; } }',
  'continue past what continuing does not use': 'loop { if b { continue; } let a = 1; _ = a; continuing { break if b; } }',
  'loop in continuing': 'loop { continuing { for (var k = 0; k < 3; k++) { if b { break; } else { continue; } } break if b; } }',
  'code that is never reached': 'if b { return; _ = 1; } loop { break; _ = 2; } return; _ = 3;',
  'hidden names': 'let a = 1; { let a = 2.5; { var a = a > 1; a = !a; } _ = a + 0.5; } _ = a + 1i;',
  'parameter hidden in a block': '{ let i = 1.5; _ = i + x; } for (var i = 0u; i < 2; i++) { _ = i + u; }',
  'counter hidden in the body': 'for (var k = 0; k < 3; k++) { let k = 1.5; _ = k * x; }',
  'own name of the outer one in the value': 'let a = 1; { let a = a + 1; _ = a; }',
  'phony assignment': '_ = i; _ = b && b; _ = max(1, 2); _ = vec2f(); var a = array(1, 2); _ = a;',
  'parts of what is just built':
    '_ = vec4(1, 2, 3, 4).wzyx.xy; _ = array(1, 2, 3)[i]; _ = mat2x2f(1, 2, 3, 4)[1].y; _ = modf(x).fract; _ = frexp(v).exp.z;',
  'swizzles of swizzles': '_ = v.zyx.xx.y; _ = v.rgb.bgr; _ = w.xyxy.w;',
  'elements written': 'var a = m; a[1] = v; a[0][2] = 1; a[i].y += 2; var c = v; c.x = 1; c[1] = 2; c[u] -= 1;',
  'pointers to parts': 'var a = array(v, v); let p = &a[1]; (*p).x = 1; *p = v; let q = &a; (*q)[0] = *p; q[1].y = 2; p.z = 3;',
  'reference in parentheses': 'var a = 1; (a) = 2; ((a)) += 1; (a)++; let p = &(a); (*p) = 3; (*(p))--;',
  shifts: 'let a = 1 << 3; let c = i << 31u; let d = vec2u(1) << vec2u(31); let e = -8 >> 1; let g = 1u << u; let h = u >> 3;',
  'mixed comparison operators in parentheses':
    'let a = (u & 1) == 0 || ((u | 2) > 3 && (i < 1)); let c = b && b && (b || b); let d = u & u & u; let e = (u << 1u) + (u >> 1u);',
  'constant whose right side of || is not evaluated': 'const a = true || 1 / 0 == 1; const c = false && (1 / 0 == 1);',
  'constants of all kinds':
    'const a = array(vec2(1, 2), vec2(3, 4)); const c = a[1].y + a[0][0]; const d = mat2x2f(1, 2, 3, 4) * vec2f(5, 6); const e = select(1, 2, c > 3); const_assert c == 5; var g: array<i32, c>;',
  'constant builtins':
    'const_assert max(1, 2) == 2; const_assert abs(-3.5) == 3.5; const_assert clamp(7, 1, 5) == 5; const_assert countOneBits(7u) == 3; const_assert dot(vec2(1, 2), vec2(3, 4)) == 11; const_assert all(vec2(1, 2) == vec2(1, 2));',
  'constant division truncates': 'const_assert -7 / 2 == -3; const_assert -7 % 2 == -1; const_assert 7.5 % 2 == 1.5;',
  'conversions of constants':
    'const_assert i32(2.9) == 2; const_assert u32(-1i) == 4294967295u; const_assert bool(0.5); const_assert f32(true) == 1; const_assert bitcast<i32>(4294967295u) == -1;',
  'vectors of vectors and scalars':
    'let a = vec4f(v.xy, v.yz); let c = vec4f(1, v); let d = vec4(v, 1); let e = vec3<bool>(b); let g = vec3i(v); let h = vec2(w);',
  'scalars beside vectors and matrices':
    'let a = 2 * v + 1; let c = v / 2 - x; let d = m * 2; let e = w % 3u; let g = 7u / w; let h = v * m; let k = m * v.xy;',
  'select by scalar and by vector': 'let a = select(v, -v, b); let c = select(v, -v, v < vec3f()); let d = select(1, 2.5, b);',
  'zero values': 'var a: array<vec2<bool>, 3>; let c = array<mat2x2f, 2>(); let d = bool(); let e = vec3f(); let g = mat3x4f() * vec3f();',
  'index of any integer type': '_ = v[0]; _ = v[0u]; _ = v[0i]; _ = v[i]; _ = v[u]; const k = 2; _ = v[k];',
  'out of bounds at run time only': 'let k = 7; var a = array(1, 2); a[k] = 3; _ = a[-i]; _ = v[k];',
  'division by zero at run time only': 'let z = 0; _ = 1 / z; _ = i % (i - i); let y = 0.0; _ = 1.0 / y;',
  'builtin functions of vectors':
    '_ = abs(-v); _ = clamp(v, vec3f(), vec3f(1)); _ = mix(v, v, 0.5); _ = min(w, w); _ = extractBits(w, 1, 2); _ = ldexp(v, vec3i(1)); _ = dot(w, w);',
}

const modules: Record<string, string> = {
  nothing: '',
  'comments only': '// a\n/* b */',
  semicolons: ';;\nconst a = 1;;\nstruct S { a: i32 };\nfn f() { };',
  'declared after use':
    'fn f() -> T { return T(a, g()); }\nfn g() -> f32 { return b; }\nconst a = b2 + 1;\nconst b = 1.5;\nconst b2 = 2;\nstruct T { m: i32, n: f32 }',
  'aliases of aliases':
    'alias A = B;\nalias B = array<C, 2>;\nalias C = vec2<D>;\nalias D = f32;\nfn f(a: A) -> C { return a[0] + C(1, 2); }',
  'alias as a constructor':
    'alias V = vec3<f32>;\nalias S = f32;\nstruct P { a: V }\nalias Q = P;\nfn f() -> Q { return Q(V(S(1), 2, 3)); }',
  'directives first': 'requires packed_4x8_integer_dot_product;\ndiagnostic(off, derivative_uniformity);\nconst a = 1;',
  'diagnostic attributes': '@diagnostic(off, derivative_uniformity) fn f() { @diagnostic(warning, derivative_uniformity) { } }',
  'attributes in any order': '@binding(0) @group(0) var<storage> a: i32;\n@workgroup_size(1, 1,) @compute fn main() { _ = a; }',
  'attributes of constants':
    'const g = 1;\nconst n = 4;\n@group(g - 1) @binding(g + 1) var<storage> a: i32;\nstruct S { @align(n * 4) @size(32) a: i32 }\n@compute @workgroup_size(n, n / 2) fn main() { _ = a; }',
  'one binding in two entry points':
    '@group(0) @binding(0) var<storage> a: i32;\n@group(0) @binding(0) var<uniform> b: vec4f;\n@compute @workgroup_size(1) fn f() { _ = a; }\n@compute @workgroup_size(1) fn g() { _ = b; }',
  'entry points with inputs of all kinds':
    'struct I { @builtin(workgroup_id) w: vec3u, @builtin(local_invocation_id) l: vec3<u32> }\n@compute @workgroup_size(1) fn main(i: I, @builtin(global_invocation_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) k: u32) { _ = i.w + i.l + g + n + k; }',
  'struct of builtins used otherwise':
    'struct I { @builtin(workgroup_id) w: vec3u }\nfn f(i: I) -> vec3u { return i.w; }\n@compute @workgroup_size(1) fn main(i: I) { _ = f(i) + f(I(vec3u())); }',
  'entry point of other stages':
    '@vertex fn v() -> @builtin(position) vec4f { return vec4f(); }\n@fragment fn p() -> @location(0) vec4f { return vec4f(); }\n@compute @workgroup_size(1) fn c() { }',
  'runtime-sized arrays':
    'struct S { n: u32, a: array<vec3f> }\n@group(0) @binding(0) var<storage> s: S;\n@group(0) @binding(1) var<storage, read_write> t: array<array<S2, 2>>;\nstruct S2 { a: vec3f, b: f32 }\nfn f() -> u32 { return arrayLength(&s.a) + arrayLength(&t); }',
  'pointers to storage':
    '@group(0) @binding(0) var<storage, read_write> a: array<vec4f>;\nfn f(i: u32) -> f32 { let p = &a[i]; let q = &a; (*p).x = 2; return (*p).x + (*q)[0].y + f32(arrayLength(q)); }',
  'pointer parameters of all spaces':
    'var<private> a: i32;\nvar<workgroup> b: array<i32, 4>;\n@group(0) @binding(0) var<storage, read_write> c: array<i32>;\nfn f(p: ptr<function, i32>, q: ptr<private, i32>, r: ptr<workgroup, array<i32, 4>>, s: ptr<storage, array<i32>, read_write>) { *p = *q + (*r)[0] + (*s)[1]; }\nfn g() { var d = 1; f(&d, &a, &b, &c); }',
  'pointers to parts as arguments':
    'struct S { a: array<i32, 3>, b: vec2f }\nfn f(p: ptr<function, i32>, q: ptr<function, vec2f>) { *p += 1; *q += 1; }\nfn g(i: i32) { var s: S; var t: S; f(&s.a[i], &t.b); }',
  'two pointers into one variable that are only read':
    'fn f(p: ptr<function, i32>, q: ptr<function, i32>) -> i32 { return *p + *q; }\nfn g() { var a = 1; _ = f(&a, &a); }',
  'returns on all ways':
    'fn f(i: i32) -> i32 { if i > 1 { return 1; } else if i > 0 { return 2; } else { loop { return 3; } } }\nfn g(i: i32) -> i32 { switch i { case 1: { return 1; } default: { return 2; } } }\nfn h(b: bool) -> i32 { loop { if b { return 1; } } }',
  'atomics in structs and arrays':
    'struct S { a: atomic<u32>, b: array<atomic<i32>, 4> }\n@group(0) @binding(0) var<storage, read_write> s: S;\nvar<workgroup> t: array<S, 2>;\nfn f(i: u32) { atomicAdd(&s.b[i], -1); atomicOr(&t[i].a, 1); let r = atomicCompareExchangeWeak(&s.a, 1, 2); if r.exchanged { atomicStore(&s.a, r.old_value); } atomicLoad(&s.a); }',
  'atomic by pointer':
    'fn f(p: ptr<workgroup, atomic<u32>>) -> u32 { return atomicAdd(p, 1); }\nvar<workgroup> a: atomic<u32>;\nfn g() -> u32 { let p = &a; return f(&a) + atomicLoad(p); }',
  overrides:
    '@id(0) override a: i32;\n@id(65535) override b = true;\noverride c: f32 = f32(a) * 2 + 1;\noverride d = select(1u, 2u, b);\nvar<workgroup> w: array<f32, d * 2>;\n@compute @workgroup_size(d, 2) fn main() { w[0] = c; }',
  'barrier in uniform flow':
    'override o = 1;\n@group(0) @binding(0) var<uniform> n: u32;\n@group(0) @binding(1) var<storage> s: array<u32>;\n@compute @workgroup_size(8) fn main(@builtin(workgroup_id) w: vec3u) { for (var k = 0u; k < n; k++) { workgroupBarrier(); if s[k] > 2 { break; } } if o == 1 { storageBarrier(); } var a = w.x; a += 2; while a > n { a--; workgroupBarrier(); } }',
  'barrier after others went different ways':
    '@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) l: u32) { var a = 0u; if l > 3 { a = 1; } else { a = 2; } for (var k = 0u; k < l; k++) { if k == 2 { break; } a++; } workgroupBarrier(); switch l { case 1: { a = 3; } default: { } } workgroupBarrier(); }',
  'uniform by a load of the workgroup':
    'var<workgroup> n: u32;\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) l: u32) { if l == 0 { n = 3; } let m = workgroupUniformLoad(&n); for (var k = 0u; k < m; k++) { workgroupBarrier(); } }',
  'layout of a uniform':
    'struct T { @align(16) a: f32 }\nstruct S { a: f32, t: T, @align(16) b: f32, c: array<vec4f, 2>, d: mat3x3f, e: vec3f, f: f32 }\n@group(0) @binding(0) var<uniform> s: S;\n@group(0) @binding(1) var<uniform> t: array<mat2x4f, 3>;',
  'structs in structs':
    'struct A { a: array<B, 2> }\nstruct B { c: C, d: vec2<bool> }\nstruct C { e: mat2x2f }\nvar<private> g = A(array(B(C(mat2x2f()), vec2(true, false)), B()));\nfn f(i: i32) -> f32 { g.a[i].c.e[1].x = 2; return g.a[0].c.e[i][i]; }',
  assertions: 'const_assert 1 < 2;\nconst_assert(true);\nconst n = 3;\nconst_assert n * n == 9 && n != 4;',
  'functions that nothing calls': 'fn f() { workgroupBarrier(); }\nfn g(a: array<mat4x4f, 2>) -> array<mat4x4f, 2> { return a; }',
  'hidden builtins in a module':
    'fn max(a: i32, b: i32) -> i32 { return a - b; }\nstruct vec2 { a: i32 }\nfn f() -> i32 { let v = vec2(1); return max(v.a, 2); }',
  'must use': '@must_use fn f() -> i32 { return 1; }\nfn g() { _ = f(); let a = f(); if f() == 1 { } }',
}

export const valid: readonly { readonly name: string; readonly source: string }[] = [
  ...Object.entries(bodies).map(([name, body]) => ({ name, source: inFunction(body) })),
  ...Object.entries(modules).map(([name, source]) => ({ name, source })),
]
