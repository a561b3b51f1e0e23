/** Declarations, functions, entry points and control flow that do not fit together. */
import { type Invalid, inEntry, module, pipelines, statements } from './frame.js'

export const programs: readonly Invalid[] = [
  ...statements('switch', {
    'of f32': ['switch x { default: { } }', 'switch i32(x) { default: { } }'],
    'of bool': ['switch b { default: { } }', 'switch u32(b) { default: { } }'],
    'of a vector': ['switch w { default: { } }', 'switch w.x { default: { } }'],
    'without default': ['switch i { case 1: { } }', 'switch i { case 1: { } default: { } }'],
    'with nothing': ['switch i { }', 'switch i { default { } }'],
    'with two defaults': ['switch i { default: { } default: { } }', 'switch i { default: { } }'],
    'with two defaults in one case': ['switch i { case default, default: { } }', 'switch i { case 1, default: { } }'],
    'the same twice': ['switch i { case 1: { } case 1: { } default: { } }', 'switch i { case 1: { } case 2: { } default: { } }'],
    'the same twice in one case': ['switch i { case 1, 1: { } default: { } }', 'switch i { case 1, 2: { } default: { } }'],
    'the same value by constants': [
      'const k = 2; switch i { case 1 + 1: { } case k: { } default: { } }',
      'const k = 3; switch i { case 1 + 1: { } case k: { } default: { } }',
    ],
    'case of u32 for i32': ['switch i { case 1u: { } default: { } }', 'switch i { case 1i: { } default: { } }'],
    'case of i32 for u32': ['switch u { case -1: { } default: { } }', 'switch u { case 1: { } default: { } }'],
    'case of a float': ['switch i { case 1.0: { } default: { } }', 'switch i { case 1: { } default: { } }'],
    'case that is not constant': ['let k = 1; switch i { case k: { } default: { } }', 'const k = 1; switch i { case k: { } default: { } }'],
    'continue without a loop': ['switch i { default: { continue; } }', 'switch i { default: { break; } }'],
  }),

  ...statements('jumps', {
    'break without a loop': ['break;', 'loop { break; }'],
    'continue without a loop': ['continue;', 'loop { if b { continue; } break; }'],
    'break in an if without a loop': ['if b { break; }', 'loop { if b { break; } }'],
    'return of a value from a function without result': ['return 1;', 'return;'],
    'return in continuing': ['loop { continuing { return; } }', 'loop { continuing { break if b; } }'],
    'break in continuing': ['loop { continuing { break; } }', 'loop { continuing { break if b; } }'],
    'continue in continuing': ['loop { continuing { continue; break if b; } }', 'loop { continuing { break if b; } }'],
    'return in an if in continuing': [
      'loop { continuing { if b { return; } break if b; } }',
      'loop { continuing { if b { _ = 1; } break if b; } }',
    ],
    'break of the outer loop in continuing of a switch is its own': [
      'loop { continuing { if b { break; } } }',
      'loop { continuing { switch i { default: { break; } } break if b; } }',
    ],
    'continue past a declaration that continuing uses': [
      'loop { if b { continue; } let a = 1; continuing { _ = a; break if b; } }',
      'loop { let a = 1; if b { continue; } continuing { _ = a; break if b; } }',
    ],
    'loop that never ends': ['loop { }', 'loop { break; }'],
    'loop that never ends for all its ifs': ['loop { if b { continue; } }', 'loop { if b { break; } }'],
    'discard outside of a fragment shader in an expression': ['let a = discard;'],
  }),

  ...module('functions', {
    'no return': ['fn f() -> i32 { }', 'fn f() -> i32 { return 1; }'],
    'no return in one branch': [
      'fn f(b: bool) -> i32 { if b { return 1; } }',
      'fn f(b: bool) -> i32 { if b { return 1; } else { return 2; } }',
    ],
    'no return in one case': [
      'fn f(i: i32) -> i32 { switch i { case 1: { } default: { return 1; } } }',
      'fn f(i: i32) -> i32 { switch i { case 1: { return 2; } default: { return 1; } } }',
    ],
    'no return after a break': [
      'fn f(i: i32) -> i32 { switch i { case 1: { break; } default: { return 1; } } }',
      'fn f(i: i32) -> i32 { switch i { case 1: { return 2; } default: { return 1; } } }',
    ],
    'no return after a loop': [
      'fn f(b: bool) -> i32 { loop { if b { break; } return 1; } }',
      'fn f(b: bool) -> i32 { loop { if b { return 2; } } }',
    ],
    'no return after while': ['fn f(b: bool) -> i32 { while b { return 1; } }', 'fn f(b: bool) -> i32 { while b { return 1; } return 2; }'],
    'return without a value': ['fn f() -> i32 { return; }', 'fn f() -> i32 { return 1; }'],
    'return of another type': ['fn f() -> i32 { return 1.5; }', 'fn f() -> f32 { return 1.5; }'],
    'return of u32 for i32': ['fn f(u: u32) -> i32 { return u; }', 'fn f(u: u32) -> u32 { return u; }'],
    'too few arguments': ['fn g(a: i32) { }\nfn f() { g(); } //!', 'fn g(a: i32) { }\nfn f() { g(1); }'],
    'too many arguments': ['fn g(a: i32) { }\nfn f() { g(1, 2); } //!', 'fn g(a: i32) { }\nfn f() { g(1); }'],
    'argument of another type': ['fn g(a: i32) { }\nfn f() { g(1.5); } //!', 'fn g(a: f32) { }\nfn f() { g(1.5); }'],
    'calls itself': ['fn f() { f(); }', 'fn f() { }'],
    'call each other': ['fn f() { g(); } //!\nfn g() { f(); } //!', 'fn f() { g(); }\nfn g() { }'],
    'three in a circle': ['fn f() { g(); } //!\nfn g() { h(); } //!\nfn h() { f(); } //!', 'fn f() { g(); }\nfn g() { h(); }\nfn h() { }'],
    'entry point called': [
      '@compute @workgroup_size(1) fn main() { }\nfn f() { main(); } //!',
      '@compute @workgroup_size(1) fn main() { f(); }\nfn f() { }',
    ],
    'result of must_use dropped': [
      '@must_use fn g() -> i32 { return 1; }\nfn f() { g(); } //!',
      '@must_use fn g() -> i32 { return 1; }\nfn f() { _ = g(); }',
    ],
    'must_use without a result': ['@must_use fn g() { }', '@must_use fn g() -> i32 { return 1; }'],
    'must_use on a variable': ['@must_use var<private> a: i32;', 'var<private> a: i32;'],
    'result that cannot be made': ['struct S { a: array<i32> }\nfn f() -> S { } //!'],
    'result of an atomic': ['fn f() -> atomic<u32> { }'],
    'parameter that is an atomic': ['fn f(a: atomic<u32>) { }', 'fn f(a: u32) { }'],
    'parameter that is a runtime-sized array': ['fn f(a: array<i32>) { }', 'fn f(a: array<i32, 2>) { }'],
    'function used as a type': ['fn g() { }\nfn f(a: g) { } //!'],
    'result of a function without one': ['fn g() { }\nfn f() { let a = g(); } //!', 'fn g() -> i32 { return 1; }\nfn f() { let a = g(); }'],
    'constant by a function of the program': ['fn g() -> i32 { return 1; }\nconst a = g(); //!', 'const a = 1;'],
  }),

  ...module('structs and arrays', {
    'struct of itself': ['struct S { a: S }', 'struct S { a: i32 }'],
    'structs of each other': ['struct S { a: T } //!\nstruct T { a: S } //!', 'struct S { a: T }\nstruct T { a: i32 }'],
    'struct of an array of itself': ['struct S { a: array<S, 2> }', 'struct S { a: array<i32, 2> }'],
    'alias of itself': ['alias T = T;', 'alias T = i32;'],
    'aliases of each other': ['alias T = U; //!\nalias U = T; //!', 'alias T = U;\nalias U = i32;'],
    'runtime-sized array not last': [
      'struct S { a: array<i32>, b: i32 } //!\n@group(0) @binding(0) var<storage> s: S;',
      'struct S { b: i32, a: array<i32> }\n@group(0) @binding(0) var<storage> s: S;',
    ],
    'runtime-sized array in private': ['var<private> a: array<i32>;', 'var<private> a: array<i32, 2>;'],
    'runtime-sized array in workgroup': ['var<workgroup> a: array<i32>;', 'var<workgroup> a: array<i32, 2>;'],
    'runtime-sized array in uniform': [
      '@group(0) @binding(0) var<uniform> a: array<vec4f>;',
      '@group(0) @binding(0) var<uniform> a: array<vec4f, 2>;',
    ],
    'runtime-sized array in a function': ['fn f() { var a: array<i32>; }', 'fn f() { var a: array<i32, 2>; }'],
    'array of runtime-sized arrays': [
      '@group(0) @binding(0) var<storage> a: array<array<i32>>;',
      '@group(0) @binding(0) var<storage> a: array<array<i32, 2>>;',
    ],
    'struct with a runtime-sized array within another': [
      'struct S { a: array<i32> }\nstruct T { s: S } //!\n@group(0) @binding(0) var<storage> t: T;',
      'struct S { a: array<i32, 2> }\nstruct T { s: S }\n@group(0) @binding(0) var<storage> t: T;',
    ],
    'array of no elements': ['var<private> a: array<i32, 0>;', 'var<private> a: array<i32, 1>;'],
    'array length of an override in private': [
      'override n: u32 = 2;\nvar<private> a: array<i32, n>; //!',
      'override n: u32 = 2;\nvar<workgroup> a: array<i32, n>;',
    ],
    'array too large': ['var<private> a: array<i32, 0x80000000>;', 'var<private> a: array<i32, 0x100>;'],
    'copied with a runtime-sized array': [
      '@group(0) @binding(0) var<storage, read_write> a: array<i32>;\nfn f() { let c = a; } //!',
      '@group(0) @binding(0) var<storage, read_write> a: array<i32>;\nfn f() { let c = a[0]; }',
    ],
    'struct built of too few': [
      'struct S { a: i32, b: i32 }\nfn f() { let s = S(1); } //!',
      'struct S { a: i32, b: i32 }\nfn f() { let s = S(1, 2); }',
    ],
    'struct built of another type': [
      'struct S { a: i32 }\nfn f() { let s = S(1.5); } //!',
      'struct S { a: f32 }\nfn f() { let s = S(1.5); }',
    ],
    'member that there is not': [
      'struct S { a: i32 }\nfn f(s: S) { let b = s.b; } //!',
      'struct S { a: i32 }\nfn f(s: S) { let b = s.a; }',
    ],
    'member written of a parameter': [
      'struct S { a: i32 }\nfn f(s: S) { s.a = 1; } //!',
      'struct S { a: i32 }\nfn f(s: S) { var t = s; t.a = 1; }',
    ],
    'two structs are two types': [
      'struct S { a: i32 }\nstruct T { a: i32 }\nfn f(s: S) { let t: T = s; } //!',
      'struct S { a: i32 }\nstruct T { a: i32 }\nfn f(s: S) { let t: S = s; }',
    ],
    'structs compared': [
      'struct S { a: i32 }\nfn f(s: S) -> bool { return s == s; } //!',
      'struct S { a: i32 }\nfn f(s: S) -> bool { return s.a == s.a; }',
    ],
    'stride attribute of old': ['alias A = @stride(16) array<i32, 2>;', 'alias A = array<i32, 2>;'],
  }),

  ...module('attributes', {
    'align of 0': ['struct S { @align(0) a: i32 }', 'struct S { @align(4) a: i32 }'],
    'align of no power of two': ['struct S { @align(12) a: i32 }', 'struct S { @align(16) a: i32 }'],
    'align below that of the type': [
      'struct S { @align(4) a: vec4f } //!\n@group(0) @binding(0) var<storage> s: S;',
      'struct S { @align(16) a: vec4f }\n@group(0) @binding(0) var<storage> s: S;',
    ],
    'align below zero': ['struct S { @align(-4) a: i32 }', 'struct S { @align(4) a: i32 }'],
    'align of a float': ['struct S { @align(4.0) a: i32 }', 'struct S { @align(4) a: i32 }'],
    'align twice': ['struct S { @align(4) @align(4) a: i32 }', 'struct S { @align(4) a: i32 }'],
    'size below that of the type': ['struct S { @size(8) a: vec4f }', 'struct S { @size(32) a: vec4f }'],
    'size of 0': ['struct S { @size(0) a: i32 }', 'struct S { @size(4) a: i32 }'],
    'size twice': ['struct S { @size(4) @size(4) a: i32 }', 'struct S { @size(4) a: i32 }'],
    'size of a runtime-sized array': ['struct S { @size(64) a: array<i32> }', 'struct S { @size(64) a: array<i32, 2> }'],
    'size by an override': ['override n = 16;\nstruct S { @size(n) a: i32 } //!', 'const n = 16;\nstruct S { @size(n) a: i32 }'],
    'align on a variable': ['@align(16) var<private> a: i32;', 'var<private> a: i32;'],
    'size on a parameter': ['fn f(@size(16) a: i32) { }', 'fn f(a: i32) { }'],
    'group below zero': ['@group(-1) @binding(0) var<storage> a: i32;', '@group(0) @binding(0) var<storage> a: i32;'],
    'group twice': ['@group(0) @group(0) @binding(0) var<storage> a: i32;', '@group(0) @binding(0) var<storage> a: i32;'],
    'binding of a float': ['@group(0) @binding(0.5) var<storage> a: i32;', '@group(0) @binding(0) var<storage> a: i32;'],
    'binding of two': ['@group(0) @binding(0, 1) var<storage> a: i32;', '@group(0) @binding(0) var<storage> a: i32;'],
    'group by an override': [
      'override n = 0;\n@group(n) @binding(0) var<storage> a: i32; //!',
      'const n = 0;\n@group(n) @binding(0) var<storage> a: i32;',
    ],
    'binding on private': ['@group(0) @binding(0) var<private> a: i32;', 'var<private> a: i32;'],
    'binding on a function': ['@binding(0) fn f() { }', 'fn f() { }'],
    'group on a struct member': ['struct S { @group(0) a: i32 }', 'struct S { a: i32 }'],
    'compute on a variable': ['@compute var<private> a: i32;', 'var<private> a: i32;'],
    'workgroup size on a struct member': ['struct S { @workgroup_size(1) a: i32 }', 'struct S { a: i32 }'],
    'id on a constant': ['@id(1) const a = 1;', '@id(1) override a = 1;'],
  }),

  ...module('address spaces', {
    'uniform without a binding': [
      'var<uniform> a: vec4f;\n@compute @workgroup_size(1) fn main() { _ = a; }',
      '@group(0) @binding(0) var<uniform> a: vec4f;\n@compute @workgroup_size(1) fn main() { _ = a; }',
    ],
    'storage without a group': [
      '@binding(0) var<storage> a: vec4f;\n@compute @workgroup_size(1) fn main() { _ = a; }',
      '@group(0) @binding(0) var<storage> a: vec4f;\n@compute @workgroup_size(1) fn main() { _ = a; }',
    ],
    'storage without a binding number': ['@group(0) var<storage> a: vec4f;', '@group(0) @binding(0) var<storage> a: vec4f;'],
    'storage with a value': [
      '@group(0) @binding(0) var<storage, read_write> a: i32 = 1;',
      '@group(0) @binding(0) var<storage, read_write> a: i32;',
    ],
    'uniform with a value': ['@group(0) @binding(0) var<uniform> a: vec4f = vec4f();', '@group(0) @binding(0) var<uniform> a: vec4f;'],
    'workgroup with a value': ['var<workgroup> a: i32 = 1;', 'var<workgroup> a: i32;'],
    'private with access': ['var<private, read_write> a: i32;', 'var<private> a: i32;'],
    'uniform with access': ['@group(0) @binding(0) var<uniform, read> a: vec4f;', '@group(0) @binding(0) var<uniform> a: vec4f;'],
    'storage write only': ['@group(0) @binding(0) var<storage, write> a: i32;', '@group(0) @binding(0) var<storage, read_write> a: i32;'],
    'unknown access': ['@group(0) @binding(0) var<storage, readwrite> a: i32;', '@group(0) @binding(0) var<storage, read_write> a: i32;'],
    'private value that is not constant': [
      'var<private> a: i32;\nvar<private> b: i32 = a; //!',
      'const a: i32 = 1;\nvar<private> b: i32 = a;',
    ],
    'private value of another type': ['var<private> a: i32 = 1.5;', 'var<private> a: f32 = 1.5;'],
    'function space in a module': ['var<function> a: i32;', 'var<private> a: i32;'],
    'private in a function': ['fn f() { var<private> a: i32; }', 'fn f() { var<function> a: i32; }'],
    'workgroup in a function': ['fn f() { var<workgroup> a: i32; }', 'fn f() { var a: i32; }'],
    'bool in storage': ['@group(0) @binding(0) var<storage> a: bool;', '@group(0) @binding(0) var<storage> a: u32;'],
    'vector of bool in storage': ['@group(0) @binding(0) var<storage> a: vec2<bool>;', '@group(0) @binding(0) var<storage> a: vec2<u32>;'],
    'struct with bool in uniform': [
      'struct S { a: bool } //!\n@group(0) @binding(0) var<uniform> s: S; //!',
      'struct S { a: u32 }\n@group(0) @binding(0) var<uniform> s: S;',
    ],
    'array of bool in storage': [
      '@group(0) @binding(0) var<storage> a: array<bool, 4>;',
      '@group(0) @binding(0) var<storage> a: array<u32, 4>;',
    ],
    'write to uniform': [
      '@group(0) @binding(0) var<uniform> a: vec4f;\nfn f() { a.x = 1; } //!',
      '@group(0) @binding(0) var<storage, read_write> a: vec4f;\nfn f() { a.x = 1; }',
    ],
    'write to read-only storage': [
      '@group(0) @binding(0) var<storage, read> a: array<i32>;\nfn f() { a[0] = 1; } //!',
      '@group(0) @binding(0) var<storage, read_write> a: array<i32>;\nfn f() { a[0] = 1; }',
    ],
    'write to storage without access': [
      '@group(0) @binding(0) var<storage> a: array<i32>;\nfn f() { a[0]++; } //!',
      '@group(0) @binding(0) var<storage, read_write> a: array<i32>;\nfn f() { a[0]++; }',
    ],
    'write to a constant': ['const a = 1;\nfn f() { a = 2; } //!', 'var<private> a = 1;\nfn f() { a = 2; }'],
    'write to an override': ['override a = 1;\nfn f() { a = 2; } //!', 'var<private> a = 1;\nfn f() { a = 2; }'],
    'length of a copy': [
      '@group(0) @binding(0) var<storage> a: array<i32>;\nfn f() -> u32 { return arrayLength(a); } //!',
      '@group(0) @binding(0) var<storage> a: array<i32>;\nfn f() -> u32 { return arrayLength(&a); }',
    ],
    'workgroup variable of an unsized override': [
      'override n: i32;\nvar<storage> a: array<i32, n>; //!',
      'override n: i32;\nvar<workgroup> a: array<i32, n>;',
    ],
    'two variables at one binding': [
      '@group(0) @binding(0) var<storage> a: i32;\n@group(0) @binding(0) var<storage> c: i32; //!\n@compute @workgroup_size(1) fn main() { _ = a + c; } //!',
      '@group(0) @binding(0) var<storage> a: i32;\n@group(0) @binding(1) var<storage> c: i32;\n@compute @workgroup_size(1) fn main() { _ = a + c; }',
    ],
  }),

  ...module('atomics', {
    'of f32': ['var<workgroup> a: atomic<f32>;', 'var<workgroup> a: atomic<u32>;'],
    'of bool': ['var<workgroup> a: atomic<bool>;', 'var<workgroup> a: atomic<u32>;'],
    'of a vector': ['var<workgroup> a: atomic<vec2u>;', 'var<workgroup> a: atomic<u32>;'],
    'without a type': ['var<workgroup> a: atomic;', 'var<workgroup> a: atomic<u32>;'],
    'in private': ['var<private> a: atomic<u32>;', 'var<workgroup> a: atomic<u32>;'],
    'in read-only storage': [
      '@group(0) @binding(0) var<storage, read> a: atomic<u32>;',
      '@group(0) @binding(0) var<storage, read_write> a: atomic<u32>;',
    ],
    'in uniform': ['@group(0) @binding(0) var<uniform> a: atomic<u32>;', '@group(0) @binding(0) var<storage, read_write> a: atomic<u32>;'],
    'read as a value': [
      'var<workgroup> a: atomic<u32>;\nfn f() { let c = a; } //!',
      'var<workgroup> a: atomic<u32>;\nfn f() { let c = atomicLoad(&a); }',
    ],
    assigned: ['var<workgroup> a: atomic<u32>;\nfn f() { a = 1; } //!', 'var<workgroup> a: atomic<u32>;\nfn f() { atomicStore(&a, 1); }'],
    'as operand': [
      'var<workgroup> a: atomic<u32>;\nfn f() -> u32 { return a + 1; } //!',
      'var<workgroup> a: atomic<u32>;\nfn f() -> u32 { return atomicLoad(&a) + 1; }',
    ],
    incremented: ['var<workgroup> a: atomic<u32>;\nfn f() { a++; } //!', 'var<workgroup> a: atomic<u32>;\nfn f() { atomicAdd(&a, 1); }'],
    'without an address': [
      'var<workgroup> a: atomic<u32>;\nfn f() { atomicAdd(a, 1); } //!',
      'var<workgroup> a: atomic<u32>;\nfn f() { atomicAdd(&a, 1); }',
    ],
    'operation on what is no atomic': [
      'var<workgroup> a: u32;\nfn f() { atomicAdd(&a, 1); } //!',
      'var<workgroup> a: atomic<u32>;\nfn f() { atomicAdd(&a, 1); }',
    ],
    'operand of another type': [
      'var<workgroup> a: atomic<u32>;\nfn f() { atomicAdd(&a, 1i); } //!',
      'var<workgroup> a: atomic<u32>;\nfn f() { atomicAdd(&a, 1u); }',
    ],
    'too few arguments': [
      'var<workgroup> a: atomic<u32>;\nfn f() { atomicMax(&a); } //!',
      'var<workgroup> a: atomic<u32>;\nfn f() { atomicMax(&a, 1); }',
    ],
    'struct with one copied': [
      'struct S { a: atomic<u32> }\nvar<workgroup> s: S;\nfn f() { let t = s; } //!',
      'struct S { a: u32 }\nvar<workgroup> s: S;\nfn f() { let t = s; }',
    ],
    'struct with one built': ['struct S { a: atomic<u32> }\nfn f() { let s = S(); } //!', 'struct S { a: u32 }\nfn f() { let s = S(); }'],
    'array of them copied': [
      'var<workgroup> a: array<atomic<u32>, 2>;\nfn f() { let c = a; } //!',
      'var<workgroup> a: array<u32, 2>;\nfn f() { let c = a; }',
    ],
    'store used as a value': [
      'var<workgroup> a: atomic<u32>;\nfn f() { let c = atomicStore(&a, 1); } //!',
      'var<workgroup> a: atomic<u32>;\nfn f() { atomicStore(&a, 1); }',
    ],
    'result of compare and exchange as a number': [
      'var<workgroup> a: atomic<u32>;\nfn f() -> u32 { return atomicCompareExchangeWeak(&a, 1, 2); } //!',
      'var<workgroup> a: atomic<u32>;\nfn f() -> u32 { return atomicCompareExchangeWeak(&a, 1, 2).old_value; }',
    ],
  }),

  ...module('entry points', {
    'without a workgroup size': ['@compute fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'workgroup size without compute': ['@workgroup_size(1) fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'workgroup size of 0': ['@compute @workgroup_size(0) fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'workgroup size below zero': ['@compute @workgroup_size(-1) fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'workgroup size of a float': ['@compute @workgroup_size(1.5) fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'workgroup size of four': ['@compute @workgroup_size(1, 1, 1, 1) fn main() { }', '@compute @workgroup_size(1, 1, 1) fn main() { }'],
    'workgroup size of nothing': ['@compute @workgroup_size() fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'workgroup size of mixed types': ['@compute @workgroup_size(1i, 1u) fn main() { }', '@compute @workgroup_size(1u, 1u) fn main() { }'],
    'workgroup size of a variable': [
      'var<private> n: u32 = 1;\n@compute @workgroup_size(n) fn main() { } //!',
      'const n: u32 = 1;\n@compute @workgroup_size(n) fn main() { }',
    ],
    'workgroup size twice': ['@compute @workgroup_size(1) @workgroup_size(1) fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'compute twice': ['@compute @compute @workgroup_size(1) fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'two stages': ['@compute @vertex @workgroup_size(1) fn main() { }', '@compute @workgroup_size(1) fn main() { }'],
    'with a result': ['@compute @workgroup_size(1) fn main() -> i32 { return 1; }', '@compute @workgroup_size(1) fn main() { }'],
    'parameter that is no builtin': [
      '@compute @workgroup_size(1) fn main(a: u32) { }',
      '@compute @workgroup_size(1) fn main(@builtin(local_invocation_index) a: u32) { }',
    ],
    'builtin of another type': [
      '@compute @workgroup_size(1) fn main(@builtin(local_invocation_index) a: i32) { }',
      '@compute @workgroup_size(1) fn main(@builtin(local_invocation_index) a: u32) { }',
    ],
    'builtin of a scalar for a vector': [
      '@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) a: u32) { }',
      '@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) a: vec3u) { }',
    ],
    'builtin of a vector of i32': [
      '@compute @workgroup_size(1) fn main(@builtin(workgroup_id) a: vec3i) { }',
      '@compute @workgroup_size(1) fn main(@builtin(workgroup_id) a: vec3u) { }',
    ],
    'unknown builtin': [
      '@compute @workgroup_size(1) fn main(@builtin(thread_id) a: vec3u) { }',
      '@compute @workgroup_size(1) fn main(@builtin(local_invocation_id) a: vec3u) { }',
    ],
    'builtin of another stage': [
      '@compute @workgroup_size(1) fn main(@builtin(position) a: vec4f) { }',
      '@compute @workgroup_size(1) fn main(@builtin(local_invocation_id) a: vec3u) { }',
    ],
    'builtin of a string': [
      '@compute @workgroup_size(1) fn main(@builtin("workgroup_id") a: vec3u) { }',
      '@compute @workgroup_size(1) fn main(@builtin(workgroup_id) a: vec3u) { }',
    ],
    'the same builtin twice': [
      '@compute @workgroup_size(1) fn main(@builtin(workgroup_id) a: vec3u, @builtin(workgroup_id) b: vec3u) { }',
      '@compute @workgroup_size(1) fn main(@builtin(workgroup_id) a: vec3u, @builtin(num_workgroups) b: vec3u) { }',
    ],
    'the same builtin in a struct and beside it': [
      'struct I { @builtin(workgroup_id) a: vec3u }\n@compute @workgroup_size(1) fn main(i: I, @builtin(workgroup_id) b: vec3u) { } //!',
      'struct I { @builtin(workgroup_id) a: vec3u }\n@compute @workgroup_size(1) fn main(i: I, @builtin(num_workgroups) b: vec3u) { }',
    ],
    'struct member without builtin': [
      'struct I { @builtin(workgroup_id) a: vec3u, b: u32 } //!\n@compute @workgroup_size(1) fn main(i: I) { }',
      'struct I { @builtin(workgroup_id) a: vec3u }\n@compute @workgroup_size(1) fn main(i: I) { }',
    ],
    'pointer parameter': ['@compute @workgroup_size(1) fn main(p: ptr<function, u32>) { }', '@compute @workgroup_size(1) fn main() { }'],
    'location in compute': ['@compute @workgroup_size(1) fn main(@location(0) a: u32) { }', '@compute @workgroup_size(1) fn main() { }'],
    'builtin on a parameter of a function': ['fn f(@builtin(workgroup_id) @builtin(workgroup_id) a: vec3u) { }', 'fn f(a: vec3u) { }'],
    'two of one name': [
      '@compute @workgroup_size(1) fn main() { }\n@compute @workgroup_size(1) fn main() { } //!',
      '@compute @workgroup_size(1) fn main() { }\n@compute @workgroup_size(1) fn other() { }',
    ],
    'workgroup size beyond 32 bits': ['@compute @workgroup_size(4294967296) fn main() { }', '@compute @workgroup_size(256) fn main() { }'],
  }),

  ...module('overrides', {
    'of a vector': ['override a: vec2f;', 'override a: f32;'],
    'of an array': ['override a: array<i32, 2>;', 'override a: i32;'],
    'without type and value': ['override a;', 'override a: i32;'],
    'value of another type': ['override a: i32 = 1.5;', 'override a: f32 = 1.5;'],
    'value of a variable': ['var<private> v: i32;\noverride a: i32 = v; //!', 'override v: i32;\noverride a: i32 = v;'],
    'value of a function': ['fn g() -> i32 { return 1; }\noverride a = g(); //!', 'override a = max(1, 2);'],
    'the same id twice': ['@id(1) override a = 1;\n@id(1) override b = 1; //!', '@id(1) override a = 1;\n@id(2) override b = 1;'],
    'id below zero': ['@id(-1) override a = 1;', '@id(1) override a = 1;'],
    'id beyond 65535': ['@id(65536) override a = 1;', '@id(65535) override a = 1;'],
    'id of a float': ['@id(1.5) override a = 1;', '@id(1) override a = 1;'],
    'id by an override': ['override n = 1;\n@id(n) override a = 1; //!', 'const n = 1;\n@id(n) override a = 1;'],
    'id twice on one': ['@id(1) @id(2) override a = 1;', '@id(1) override a = 1;'],
    'in a constant': ['override n = 1;\nconst a = n + 1; //!', 'override n = 1;\noverride a = n + 1;'],
    'in the value of a constant assertion': ['override n = 1;\nconst_assert n == 1; //!', 'const n = 1;\nconst_assert n == 1;'],
    'as a case': [
      'override n = 1;\nfn f(i: i32) { switch i { case n: { } default: { } } } //!',
      'const n = 1;\nfn f(i: i32) { switch i { case n: { } default: { } } }',
    ],
    'as the length of an array in a function': [
      'override n = 1;\nfn f() { var a: array<i32, n>; } //!',
      'const n = 1;\nfn f() { var a: array<i32, n>; }',
    ],
    'of itself': ['override a = a;', 'override a = 1;'],
    'of a bool for a number': ['override a: bool = 1;', 'override a: bool = true;'],
    'shadowed type': ['override a: nothing = 1;', 'override a: i32 = 1;'],
  }),

  ...inEntry('uniformity', {
    'barrier in an if': ['if l > 3 { workgroupBarrier(); }', 'if wid.x > 3 { workgroupBarrier(); }'],
    'barrier in an else': ['if l > 3 { } else { workgroupBarrier(); }', 'if wid.x > 3 { } else { workgroupBarrier(); }'],
    'barrier in a switch': [
      'switch l { case 1: { workgroupBarrier(); } default: { } }',
      'switch wid.x { case 1: { workgroupBarrier(); } default: { } }',
    ],
    'barrier in a loop of as many turns as each has': [
      'for (var k = 0u; k < l; k++) { workgroupBarrier(); }',
      'for (var k = 0u; k < wid.x; k++) { workgroupBarrier(); }',
    ],
    'barrier in a while': [
      'var k = 0u; while k < l { k++; workgroupBarrier(); }',
      'var k = 0u; while k < wid.x { k++; workgroupBarrier(); }',
    ],
    'barrier after a return of some': ['if l > 3 { return; } workgroupBarrier();', 'if wid.x > 3 { return; } workgroupBarrier();'],
    'barrier after a break of some': [
      'loop { if l > 3 { break; } workgroupBarrier(); if wid.x > 1 { break; } }',
      'loop { if wid.x > 3 { break; } workgroupBarrier(); if wid.x > 1 { break; } }',
    ],
    'barrier after a continue of some': [
      'for (var k = 0; k < 3; k++) { if l > 3 { continue; } workgroupBarrier(); }',
      'for (var k = 0; k < 3; k++) { if wid.x > 3 { continue; } workgroupBarrier(); }',
    ],
    'barrier in continuing': [
      'loop { continuing { workgroupBarrier(); break if l > 3; } }',
      'loop { continuing { workgroupBarrier(); break if wid.x > 3; } }',
    ],
    'storage barrier in an if': ['if l > 3 { storageBarrier(); }', 'if wid.x > 3 { storageBarrier(); }'],
    'texture barrier in an if': ['if l > 3 { textureBarrier(); }', 'if wid.x > 3 { textureBarrier(); }'],
    'by a variable': [
      'var a = 0u; if l > 3 { a = 1; } if a == 1 { workgroupBarrier(); }',
      'var a = 0u; if wid.x > 3 { a = 1; } if a == 1 { workgroupBarrier(); }',
    ],
    'by a let': ['let a = l > 3; if a { workgroupBarrier(); }', 'let a = wid.x > 3; if a { workgroupBarrier(); }'],
    'by a variable set in a loop': [
      'var a = 0u; for (var k = 0; k < 3; k++) { if a > 1 { workgroupBarrier(); } a = l; }',
      'var a = 0u; for (var k = 0; k < 3; k++) { if a > 1 { workgroupBarrier(); } a = wid.x; }',
    ],
    'by storage that may be written': [
      'if s[0] > 3 { workgroupBarrier(); }',
      'let a = workgroupUniformLoad(&g); if a > 3 { workgroupBarrier(); }',
    ],
    'by a private variable': ['if p > 3 { workgroupBarrier(); }'],
    'by a workgroup variable': ['if g > 3 { workgroupBarrier(); }', 'if workgroupUniformLoad(&g) > 3 { workgroupBarrier(); }'],
    'by an atomic': ['if atomicLoad(&q) > 3 { workgroupBarrier(); }'],
    'by the result of an atomic': ['if atomicAdd(&q, 1) == 0 { workgroupBarrier(); }'],
    'right side of &&': ['if l > 3 && workgroupUniformLoad(&g) > 1 { }', 'if wid.x > 3 && workgroupUniformLoad(&g) > 1 { }'],
    'uniform load in an if': ['if l > 3 { _ = workgroupUniformLoad(&g); }', 'if wid.x > 3 { _ = workgroupUniformLoad(&g); }'],
    'by an element of an array of the own index': [
      'var a = array(1u, 2u); a[l & 1] = 3; if a[0] == 3 { workgroupBarrier(); }',
      'var a = array(1u, 2u); a[wid.x & 1] = 3; if a[0] == 3 { workgroupBarrier(); }',
    ],
    'by a pointer': [
      'var a = 0u; let r = &a; *r = l; if a > 3 { workgroupBarrier(); }',
      'var a = 0u; let r = &a; *r = wid.x; if a > 3 { workgroupBarrier(); }',
    ],
    'by a vector one component of which differs': [
      'var a = wid; a.x = l; if a.y > 3 { workgroupBarrier(); }',
      'var a = wid; a.x = 1; if a.y > 3 { workgroupBarrier(); }',
    ],
  }),
  ...module('uniformity through functions', {
    'barrier in a function called by some': [
      'fn f() { workgroupBarrier(); } //!\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) l: u32) {\nif l > 3 { f(); } //!\n}',
      'fn f() { workgroupBarrier(); }\n@compute @workgroup_size(8) fn main(@builtin(workgroup_id) l: vec3u) {\nif l.x > 3 { f(); }\n}',
    ],
    'barrier by a parameter': [
      'fn f(a: u32) { if a > 3 { workgroupBarrier(); } } //!\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) l: u32) {\nf(l); //!\n}',
      'fn f(a: u32) { if a > 3 { workgroupBarrier(); } }\n@compute @workgroup_size(8) fn main(@builtin(workgroup_id) l: vec3u) {\nf(l.x);\n}',
    ],
    'barrier by a result': [
      'fn f(a: u32) -> u32 { return a + 1; }\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) l: u32) {\nif f(l) > 3 { workgroupBarrier(); } //!\n}',
      'fn f(a: u32) -> u32 { return a + 1; }\n@compute @workgroup_size(8) fn main(@builtin(workgroup_id) l: vec3u) {\nif f(l.x) > 3 { workgroupBarrier(); }\n}',
    ],
    'barrier by what a pointer brings back': [
      'fn f(p: ptr<function, u32>, a: u32) { *p = a; }\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) l: u32) {\nvar c = 0u; f(&c, l); if c > 3 { workgroupBarrier(); } //!\n}',
      'fn f(p: ptr<function, u32>, a: u32) { *p = a; }\n@compute @workgroup_size(8) fn main(@builtin(workgroup_id) l: vec3u) {\nvar c = 0u; f(&c, l.x); if c > 3 { workgroupBarrier(); }\n}',
    ],
    'barrier two calls deep': [
      'fn g() { storageBarrier(); } //!\nfn f() { g(); }\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) l: u32) {\nif l > 3 { f(); } //!\n}',
      'fn g() { storageBarrier(); }\nfn f() { g(); }\n@compute @workgroup_size(8) fn main(@builtin(num_workgroups) l: vec3u) {\nif l.x > 3 { f(); }\n}',
    ],
    'struct of builtins one of which differs': [
      'struct I { @builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) l: u32 }\n@compute @workgroup_size(8) fn main(i: I) {\nif i.w.x > 3 { workgroupBarrier(); } //!\n}',
      'struct I { @builtin(workgroup_id) w: vec3u }\n@compute @workgroup_size(8) fn main(i: I) {\nif i.w.x > 3 { workgroupBarrier(); }\n}',
    ],
    'barrier after a function that some leave early is fine, after a return of some is not': [
      'fn f(a: u32) { if a > 3 { return; } }\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_id) l: vec3u) {\nif l.x > 3 { return; } f(l.x); workgroupBarrier(); //!\n}',
      'fn f(a: u32) { if a > 3 { return; } }\n@compute @workgroup_size(8) fn main(@builtin(local_invocation_id) l: vec3u) {\nf(l.x); workgroupBarrier();\n}',
    ],
  }),
  ...inEntry('barriers', {
    'uniform load of a private variable': ['_ = workgroupUniformLoad(&p);', '_ = workgroupUniformLoad(&g);'],
    'uniform load of a storage variable': ['_ = workgroupUniformLoad(&s[0]);', '_ = workgroupUniformLoad(&g);'],
    'uniform load of a function variable': ['var a = 1; _ = workgroupUniformLoad(&a);'],
    'uniform load of a value': ['_ = workgroupUniformLoad(g);', '_ = workgroupUniformLoad(&g);'],
    'uniform load without an argument': ['_ = workgroupUniformLoad();', '_ = workgroupUniformLoad(&g);'],
    'uniform load dropped': ['workgroupUniformLoad(&g);', '_ = workgroupUniformLoad(&g);'],
    'barrier with an argument': ['workgroupBarrier(1);', 'workgroupBarrier();'],
    'barrier as a value': ['let a = workgroupBarrier();', 'workgroupBarrier();'],
    'write to a builtin': ['l = 1;', 'var a = l; a = 1;'],
  }),
  ...module('layout', {
    'struct alignment beyond 32 bits': ['struct S { @align(0x100000000) a: i32 }', 'struct S { @align(256) a: i32 }'],
  }),

  ...pipelines({
    'override without a value': ['override a: i32;\n@compute @workgroup_size(1) fn main() { _ = a; }', {}],
    'value that is no i32': ['override a: i32;\n@compute @workgroup_size(1) fn main() { _ = a; }', { a: 3e9 }],
    'value below zero for u32': ['override a: u32;\n@compute @workgroup_size(1) fn main() { _ = a; }', { a: -1 }],
    'value that is no f32': ['override a: f32;\n@compute @workgroup_size(1) fn main() { _ = a; }', { a: 1e39 }],
    'value of what there is not': ['override a: i32 = 1;\n@compute @workgroup_size(1) fn main() { _ = a; }', { b: 1 }],
    'value by name of one with an id': ['@id(3) override a: i32 = 1;\n@compute @workgroup_size(1) fn main() { _ = a; }', { a: 1 }],
    'value not a number': ['override a: f32;\n@compute @workgroup_size(1) fn main() { _ = a; }', { a: NaN }],
    'division by zero': ['override a: i32 = 0;\noverride b = 1 / a; //!\n@compute @workgroup_size(1) fn main() { _ = b; }', {}],
    'workgroup size of 0': ['override a = 1u;\n@compute @workgroup_size(a) fn main() { } //!', { a: 0 }],
    'workgroup size below zero': ['override a = 1i;\n@compute @workgroup_size(a) fn main() { } //!', { a: -1 }],
    'workgroup size beyond the limit': ['override a = 1u;\n@compute @workgroup_size(a) fn main() { } //!', { a: 100000 }],
    'invocations beyond the limit': ['override a = 1u;\n@compute @workgroup_size(a, a, 1) fn main() { } //!', { a: 64 }],
    'array of no elements': [
      'override a = 1;\nvar<workgroup> w: array<i32, a>; //!\n@compute @workgroup_size(1) fn main() { _ = w[0]; }',
      { a: 0 },
    ],
    'workgroup memory beyond the limit': [
      'override a = 1;\nvar<workgroup> w: array<i32, a>; //!\n@compute @workgroup_size(1) fn main() { _ = w[0]; }',
      { a: 100000 },
    ],
    'shift by 32 in an expression': ['override a = 1u;\n@compute @workgroup_size(1) fn main() { let b = 1u << a; } //!', { a: 32 }],
    'division by zero in an expression': [
      'override a = 1;\n@compute @workgroup_size(1) fn main(@builtin(local_invocation_index) l: u32) { let b = i32(l) / a; } //!',
      { a: 0 },
    ],
    'index beyond the array': ['override a = 1;\n@compute @workgroup_size(1) fn main() { var b = array(1, 2); _ = b[a]; } //!', { a: 2 }],
  }),
]

/** Wrong by the rules for uniforms, and right where a compiler has `uniform_buffer_standard_layout`, as Tint has and we have not. */
export const uniformLayout: readonly Invalid[] = module('layout', {
  'array of scalars in uniform': [
    '@group(0) @binding(0) var<uniform> a: array<f32, 4>;',
    '@group(0) @binding(0) var<uniform> a: array<vec4f, 4>;',
  ],
  'array of vec2 in uniform': [
    '@group(0) @binding(0) var<uniform> a: array<vec2f, 4>;',
    '@group(0) @binding(0) var<uniform> a: array<vec4f, 4>;',
  ],
  'struct at no multiple of 16 in uniform': [
    'struct T { a: f32 }\nstruct S { a: f32, t: T } //!\n@group(0) @binding(0) var<uniform> s: S; //!',
    'struct T { a: f32 }\nstruct S { a: f32, @align(16) t: T }\n@group(0) @binding(0) var<uniform> s: S;',
  ],
  'member right behind a struct in uniform': [
    'struct T { a: f32 }\nstruct S { t: T, a: f32 } //!\n@group(0) @binding(0) var<uniform> s: S; //!',
    'struct T { a: f32 }\nstruct S { @size(16) t: T, a: f32 }\n@group(0) @binding(0) var<uniform> s: S;',
  ],
})
