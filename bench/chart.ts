/** A chart of horizontal bars as SVG, with its figures written at them, readable on light and dark pages. */

export interface Bar {
  readonly label: string
  readonly value: number
  /** As it is to be read: `0.93`, `1.2 ms`. */
  readonly text: string
  /** Bars of one series have one colour. */
  readonly series: string
}

const width = 760
const labelWidth = 250
const textWidth = 70
const rowHeight = 22
const headHeight = 34
/** Told apart by people who see colours differently (Okabe and Ito). */
const colours = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00']

export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE)
  const series = [...new Set(bars.map((bar) => bar.series))]
  const room = width - labelWidth - textWidth
  const rows = bars.map(({ label, value, text, series: own }, i) => {
    const y = headHeight + i * rowHeight
    const length = Math.max(1, (value / most) * room).toFixed(1)
    const colour = colours[series.indexOf(own) % colours.length]!
    return [
      `<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${labelWidth}" y="${y + 3}" width="${length}" height="${rowHeight - 6}" fill="${colour}"/>`,
      `<text x="${(labelWidth + Number(length) + 6).toFixed(1)}" y="${y + 15}">${escaped(text)}</text>`
    ].join('\n')
  })
  const height = headHeight + bars.length * rowHeight + 8
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>text { font: 12px sans-serif; fill: #1a1a1a } .head { font-weight: bold; font-size: 14px }</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text class="head" x="8" y="22">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
