// What WGSL lacks, or leaves to adapters with errors of up to 1e-3 (sin and cos on SwiftShader). Joined to the kernels of activations.

fn sigmoid(v: vec4f) -> vec4f {
  return 1.0 / (1.0 + exp(-v));
}

/** Minimax polynomials, to one unit in the last place (N. Juffa): of erf below 0.93, of log(erfc) above, where from 4 on erf is 1. */
fn errorFunction(v: vec4f) -> vec4f {
  let s = v * v;
  var near = -5.96761703e-4 * s + 4.99119423e-3;
  near = near * s - 2.67681349e-2;
  near = near * s + 1.12819925e-1;
  near = near * s - 3.76125336e-1;
  near = near * s + 1.28379166e-1;
  let t = min(abs(v), vec4f(4.0));
  var far = (-1.72853470e-5 * t + 3.83197126e-4) * t * t + (-3.88396438e-3 * t + 2.42546219e-2);
  far = far * t - 1.06777877e-1;
  far = far * t - 6.34846687e-1;
  far = far * t - 1.28717512e-1;
  return select(near * v + v, sign(v) * (1.0 - exp(far * t - t)), t > vec4f(0.927734375));
}

/** sin(v + quarters pi / 2): v less the nearest multiple k of pi / 2, in three parts so that k times each is exact, and a polynomial (Cephes, S. Moshier). */
fn sine(v: vec4f, quarters: f32) -> vec4f {
  let k = round(v * 0.63661977237);
  let r = ((v - k * 1.5703125) - k * 4.837512969970703e-4) - k * 7.549789948768648e-8;
  let z = r * r;
  let odd = r + r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1);
  let even = 1.0 - 0.5 * z + z * z * ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2);
  let turn = (k + quarters) - 4.0 * floor((k + quarters) * 0.25);
  let value = select(odd, even, (turn == vec4f(1.0)) | (turn == vec4f(3.0)));
  return select(value, -value, turn >= vec4f(2.0));
}
