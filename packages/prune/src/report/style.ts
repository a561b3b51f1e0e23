export const style = `
:root { color-scheme: light dark; --ink: #1c2321; --faint: #6b7672; --line: #d9dedb; --ground: #fbfcfb; --accent: #2f7d4f; --pale: #cfe3d6; --bad: #b4552d; --note: #7a5ea8; --grey: #a9b2ae }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebe8; --faint: #98a39e; --line: #333b38; --ground: #151918; --accent: #6cc08b; --pale: #2b4436; --bad: #e08a5f; --note: #b79be0; --grey: #6d7873 } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.wide { overflow-x: auto } .wide > svg { min-width: 34rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: middle }
th { color: var(--faint); font-weight: 500 }
td:first-child, details td { overflow-wrap: anywhere }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap } .number { text-align: right }
h1, h2 { overflow-wrap: anywhere }
td.bars { position: relative; min-width: 12rem; height: 1.2rem }
td.bars span { position: absolute; left: 0; top: .45rem; height: .9rem; border-radius: 2px }
.all { background: var(--pale) } .kept { background: var(--accent) } .fixed { background: var(--grey) }
svg { width: 100%; height: auto } svg text { fill: var(--faint); font-size: 11px }
svg .axis { stroke: var(--line) } svg .best { stroke: var(--accent); fill: none; stroke-width: 2 }
svg .in { fill: var(--accent) } svg .out { fill: none; stroke: var(--bad) } svg .proposed { fill: none; stroke: var(--grey) }
svg .finalist { fill: var(--note) } svg .chosen { fill: var(--ink); stroke: var(--ground) } svg .limit { stroke: var(--bad); stroke-dasharray: 5 4 }
svg.key { width: .8rem; vertical-align: -.08rem; margin-right: .25rem } .legend { color: var(--faint) } .legend span { margin-right: .6rem; white-space: nowrap }
svg .whole { stroke: var(--faint); stroke-dasharray: 4 3 }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1rem }
figure { margin: 0; min-width: 0 } figcaption { font-weight: 500 } figcaption span { color: var(--faint); font-weight: 400 }
summary { margin-top: 2rem; cursor: pointer }
`
