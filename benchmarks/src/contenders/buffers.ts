/** Counts the bytes of the buffers that a device has handed out and that were not destroyed. */
export function countBuffers(device: GPUDevice): { alive(): number; peak(): number; stop(): void } {
  const create = device.createBuffer
  let alive = 0
  let peak = 0
  device.createBuffer = (descriptor) => {
    const buffer = create.call(device, descriptor)
    const bytes = buffer.size
    const destroy = buffer.destroy
    let counted = true
    alive += bytes
    peak = Math.max(peak, alive)
    buffer.destroy = () => {
      if (counted) alive -= bytes
      counted = false
      return destroy.call(buffer)
    }
    return buffer
  }
  return {
    alive: () => alive,
    peak: () => peak,
    stop: () => {
      device.createBuffer = create
    },
  }
}
