// A table of the figures of each channel: scale, bias, mean, invStd. What needs all of them binds no more than it may.

struct Params {
  channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> invStd: array<f32>;
@group(0) @binding(5) var<storage, read_write> figures: array<vec4f>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var channel = lane; channel < params.channels; channel += 4u) {
    figures[channel] = vec4f(scale[channel], bias[channel], mean[channel], invStd[channel]);
  }
}
