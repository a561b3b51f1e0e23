/** What all reports are made with: one file that needs nothing else. */
import { style } from './style.js'

// The records may be somebody else's: whatever they hold, the page has no script, loads nothing and goes nowhere.
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

export function htmlPage(title: string, sections: readonly string[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title>
<style>${style}</style></head><body><main>
<h1>${escapeHtml(title)}</h1>
${sections.filter(Boolean).join('\n')}
</main></body></html>
`
}

/** @param numbers columns of figures, set to the right; all but the first where nothing is said */
export function table(head: readonly string[], rows: readonly (readonly string[])[], numbers?: readonly number[]): string {
  const kind = (i: number) => ((numbers?.includes(i) ?? i > 0) ? ' class="number"' : '')
  const body = rows.map((cells) => `<tr>${cells.map((cell, i) => `<td${kind(i)}>${escapeHtml(cell)}</td>`).join('')}</tr>`)
  const header = head.some(Boolean)
    ? `<thead><tr>${head.map((cell, i) => `<th${kind(i)}>${escapeHtml(cell)}</th>`).join('')}</tr></thead>`
    : ''
  return `<div class="wide"><table>${header}<tbody>${body.join('\n')}</tbody></table></div>`
}

/** Six digits, and all those before the point. */
export const count = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: decimals(value) })

const decimals = (value: number) => (value === 0 ? 0 : Math.min(20, Math.max(0, 5 - Math.floor(Math.log10(Math.abs(value))))))

export const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
