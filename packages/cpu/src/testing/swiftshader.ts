/** The device that ours is compared with: Dawn (with Tint, its compiler of WGSL) on the SwiftShader that comes with `npm install`. */
import { create, globals } from 'webgpu'
import { openPlatform } from '../../../kernels/src/platform.node.js'

/** Limits that generated programs need beyond the default. */
const requiredLimits = { maxStorageBuffersPerShaderStage: 10 }

/** Instances stay reachable: Dawn asks them for events until the process ends. */
const kept: unknown[] = []

/** Dawn on another driver than the bundled one where `adapter` names it (`llvmpipe`). */
export async function openDawn(adapter = 'swiftshader'): Promise<GPUDevice> {
  const platform = await openPlatform(adapter)
  if (!platform.adapter) throw new Error(platform.tried.join('; '))
  kept.push(platform)
  const device = await platform.adapter.requestDevice({ requiredLimits })
  device.onuncapturederror = () => {}
  kept.push(device)
  return device
}

/** Dawn's null backend: it checks shaders as any other and runs none. */
export async function openChecker(): Promise<GPUDevice> {
  Object.assign(globalThis, globals)
  const instance = create(['backend=null'])
  const adapter = await instance.requestAdapter()
  if (!adapter) throw new Error('no null adapter')
  const device = await adapter.requestDevice()
  device.onuncapturederror = () => {}
  kept.push(instance, device)
  return device
}
