import type { Environment } from '../environment.js'
import type { Random } from '../random.js'

/**
 * A pendulum to swing up with a torque that cannot lift it, as Pendulum-v1 (Gymnasium) has it: a rod of 1 kg and 1 m, g = 10,
 *
 *   angle'' = 3 g / (2 l) sin(angle) + 3 / (m l^2) torque        angle 0 is upright; |torque| <= 2, |angle'| <= 8; semi-implicit Euler, 0.05 s
 *   reward  = -(angle^2 + 0.1 angle'^2 + 0.001 torque^2)         angle within +-pi, before the step
 *
 * never terminated, TRUNCATED after 200 steps. Observation: cos, sin, angular velocity. Starts uniform: angle +-pi, velocity +-1.
 */
export function pendulum({ limit = 200 } = {}): Environment {
  const [gravity, mass, length, dt] = [10, 1, 1, 0.05]
  let [angle, spin, t] = [0, 0, 0]
  const observation = () => [Math.cos(angle), Math.sin(angle), spin]
  return {
    observationSize: 3,
    actions: { kind: 'box', low: [-2], high: [2] },
    reset(random: Random) {
      angle = Math.PI * (2 * random.uniform() - 1)
      spin = 2 * random.uniform() - 1
      t = 0
      return observation()
    },
    step(action) {
      const [torque] = action as Float32Array
      const turned = angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI))
      const reward = -(turned * turned + 0.1 * spin * spin + 0.001 * torque * torque)
      const acceleration = ((3 * gravity) / (2 * length)) * Math.sin(angle) + (3 / (mass * length * length)) * torque
      spin = Math.min(8, Math.max(-8, spin + acceleration * dt))
      angle += spin * dt
      return { observation: observation(), reward, terminated: false, truncated: ++t === limit }
    },
  }
}
