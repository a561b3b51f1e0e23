import type { DirectiveSyntax } from '../parse/syntax.js'
import { checkSeverity } from './attributes.js'
import type { ModuleState } from './context.js'
import { WgslError } from './program.js'

/** Features of WebGPU that extensions need. */
const extensions: ReadonlyMap<string, string> = new Map([
  ['f16', 'shader-f16'],
  ['clip_distances', 'clip-distances'],
  ['dual_source_blending', 'dual-source-blending'],
  ['subgroups', 'subgroups'],
  ['primitive_index', 'primitive-index'],
])

/** What of the language is there without being asked for. */
export const languageFeatures: readonly string[] = [
  'packed_4x8_integer_dot_product',
  'unrestricted_pointer_parameters',
  'pointer_composite_access',
]

const rules = ['derivative_uniformity', 'subgroup_uniformity']

export function checkDirectives(module: ModuleState, directives: readonly DirectiveSyntax[]): void {
  const severities = new Map<string, string>()
  for (const { op, names } of directives) {
    if (op === 'diagnostic') {
      const [severity, rule] = names
      checkSeverity(severity.text, severity.position)
      const other = severities.get(rule.text) ?? severity.text
      if (other !== severity.text)
        throw new WgslError(`the severity of '${rule.text}' was '${other}' before, found '${severity.text}'`, severity.position)
      severities.set(rule.text, severity.text)
      if (!rules.includes(rule.text) && !rule.text.includes('.'))
        module.messages.push({ type: 'warning', message: `unknown diagnostic rule '${rule.text}'`, position: rule.position })
      continue
    }
    for (const { text, position } of names) {
      if (op === 'requires') {
        if (!languageFeatures.includes(text)) throw new WgslError(`this device does not have the language feature '${text}'`, position)
        continue
      }
      const feature = extensions.get(text)
      if (!feature) throw new WgslError(`unknown extension '${text}'`, position)
      if (!module.features.has(feature))
        throw new WgslError(`the extension '${text}' needs the feature '${feature}', which this device does not have`, position)
    }
  }
}
