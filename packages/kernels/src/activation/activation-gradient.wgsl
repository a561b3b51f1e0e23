// dx = f'(x) dy element by element, from what the forward kept: x or y as activation.reference.ts says.
// At a kink the gradient is that of PyTorch: 0 at 0 for Relu and Abs, and at both bounds of Clip.

override FUNCTION: u32 = 0u; // the order of activation.reference.ts

struct Params {
  vectors: u32,
  each: u32, // vectors per invocation
  a: f32, // as in activation.wgsl
  b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> saved: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;

/** Derivatives in which clamp, or SwiftShader's exp, would lose NaN. */
fn slope(v: vec4f) -> vec4f {
  switch FUNCTION {
    case 9u: {
      // The derivative is 0 or 1 beyond 10, where powers of v may overflow.
      let c = clamp(v, vec4f(-10.0), vec4f(10.0));
      if (params.a != 0.0) {
        let s = sigmoid(1.5957691216 * (c + 0.044715 * c * c * c));
        return s + c * s * (1.0 - s) * 1.5957691216 * (1.0 + 0.134145 * c * c);
      }
      return 0.5 + 0.5 * errorFunction(c * 0.70710678118) + c * 0.39894228040 * exp(-0.5 * c * c);
    }
    case 12u: { return sigmoid(v); }
    case 15u: {
      let c = clamp(v, vec4f(-88.0), vec4f(9.0));
      let e = exp(c);
      let rest = 2.0 / (e * e + 2.0 * e + 2.0); // 1 - tanh
      return 1.0 - rest + c * rest * (2.0 - rest) * sigmoid(c);
    }
    default: { return 1.1283791671 * exp(-v * v); }
  }
}

fn gradient(v: vec4f, d: vec4f) -> vec4f {
  switch FUNCTION {
    case 0u: { return select(d, vec4f(), v <= vec4f()); }
    case 1u: { return select(d, vec4f(), (v <= vec4f(params.a)) | (v >= vec4f(params.b))); }
    case 2u: { return select(d, d * params.a, v <= vec4f()); }
    case 3u: { return select(d, d * params.a * exp(v), v <= vec4f()); }
    case 4u: { return d * v * (1.0 - v); }
    case 5u: { return d * (1.0 - v * v); }
    case 6u: {
      let line = v * params.a + params.b;
      return select(d * params.a, vec4f(), (line <= vec4f()) | (line >= vec4f(1.0)));
    }
    case 7u: { return select(select(d * (v / 3.0 + 0.5), d, v >= vec4f(3.0)), vec4f(), v <= vec4f(-3.0)); }
    case 8u: {
      let s = sigmoid(v);
      return d * (s + v * s * (1.0 - s));
    }
    case 9u, 12u, 15u, 27u: { return select(d * slope(v), v, isNan(v)); }
    case 10u: { return d * params.b * select(vec4f(1.0), params.a * exp(v), v <= vec4f()); }
    case 11u: { return select(d, d * exp(v / params.a), v <= vec4f()); }
    case 13u: {
      let n = 1.0 + abs(v);
      return d / n / n;
    }
    case 14u: { return select(d, vec4f(), v <= vec4f(params.a)); }
    case 16u: { return select(d, vec4f(), abs(v) <= vec4f(params.a)); }
    case 17u: { return d * v; }
    case 18u: { return d / v; }
    case 19u: { return 0.5 * d / v; }
    case 20u: { return -d * v * v; }
    case 21u: { return -d; }
    case 22u: { return d * sign(v); }
    case 28u: { return d * sine(v, 1.0); }
    default: { return -d * sine(v, 0.0); }
  }
}

fn element(i: u32) {
  dx[i] = gradient(saved[i], dy[i]);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.x + group.y * groups.x) * 64u * params.each;
  let end = min(begin + 64u * params.each, params.vectors);
  for (var i = begin + lane; i < end; i += 64u) {
    element(i);
  }
}
