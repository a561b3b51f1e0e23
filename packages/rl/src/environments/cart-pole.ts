import type { Environment } from '../environment.js'
import type { Random } from '../random.js'

/**
 * The cart and pole of Barto, Sutton and Anderson 1983 ("Neuronlike adaptive elements", appendix, without friction), with the constants of
 * CartPole-v1 (Gymnasium): push left (0) or right (1) with 10 N, reward 1 a step, terminated beyond 12 degrees or 2.4 m, TRUNCATED after 500 steps.
 * Observation: position (m), velocity, angle from upright (rad), angular velocity; all start uniform in +-0.05. Euler's method, 0.02 s.
 */
export function cartPole({ limit = 500 } = {}): Environment {
  const [gravity, cart, pole, half, force, dt] = [9.8, 1, 0.1, 0.5, 10, 0.02]
  const total = cart + pole
  let [x, v, angle, spin, t] = [0, 0, 0, 0, 0]
  const observation = () => [x, v, angle, spin]
  return {
    observationSize: 4,
    actions: { kind: 'discrete', n: 2 },
    reset(random: Random) {
      ;[x, v, angle, spin] = [0, 0, 0, 0].map(() => 0.1 * random.uniform() - 0.05)
      t = 0
      return observation()
    },
    step(action) {
      const sin = Math.sin(angle)
      const cos = Math.cos(angle)
      const push = ((action === 1 ? force : -force) + pole * half * spin * spin * sin) / total
      const turn = (gravity * sin - cos * push) / (half * (4 / 3 - (pole * cos * cos) / total))
      const pull = push - (pole * half * turn * cos) / total
      x += dt * v
      v += dt * pull
      angle += dt * spin
      spin += dt * turn
      const terminated = Math.abs(x) > 2.4 || Math.abs(angle) > (12 * Math.PI) / 180
      return { observation: observation(), reward: 1, terminated, truncated: !terminated && ++t === limit }
    },
  }
}
