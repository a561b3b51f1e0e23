/** What all reports are made with: one file that needs nothing else. */
import { style } from './style.js'

export function htmlPage(title: string, sections: readonly string[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title>
<style>${style}</style></head><body><main>
<h1>${escapeHtml(title)}</h1>
${sections.filter(Boolean).join('\n')}
</main></body></html>
`
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map(
    (cells) => `<tr>${cells.map((cell, i) => `<td${i > 0 ? ' class="number"' : ''}>${escapeHtml(cell)}</td>`).join('')}</tr>`,
  )
  const header = head.some(Boolean) ? `<thead><tr>${head.map((cell) => `<th>${escapeHtml(cell)}</th>`).join('')}</tr></thead>` : ''
  return `<table>${header}<tbody>${body.join('\n')}</tbody></table>`
}

export function count(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : String(Number(value.toPrecision(6)))
}

export const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
