/** The tables of `docs/settings.md`, from the declarations; a test keeps the page equal to them. */
import type { SettingDeclaration } from './declarations.ts'
import { declarations, notYetKeys } from './declarations.ts'
import { variableOf } from './tree.ts'

function row(declaration: SettingDeclaration): string {
  const { path, help, flag, of, notYet } = declaration
  const choices = of === undefined ? '' : ` One of: ${of.filter((word) => notYet?.includes(word) !== true).join(', ')}.`
  const range = declaration.min === undefined ? '' : ` ${declaration.min} to ${declaration.max ?? 'any'}.`
  const otherwise = declaration.default === undefined ? (declaration.defaultFrom ?? '') : `\`${declaration.default}\``
  const flagText = flag === undefined ? '' : `\`${flag.name}\``
  const variable = declaration.fileOnly === true ? '' : `\`${variableOf(path)}\``
  const meaning = `${help[0]!.toUpperCase()}${help.slice(1)}.${choices}${range}`.replaceAll('|', '\\|')
  return `| \`${path}\` | ${otherwise.replaceAll('|', '\\|')} | ${flagText} | ${variable} | ${meaning} |`
}

/** Markdown: every setting, then every key that is refused for now. */
export function settingsReference(): string {
  const head = '| setting | default | flag | variable | meaning |\n|---|---|---|---|---|'
  const refused = [...notYetKeys].map(([key, instead]) => `| \`${key}\` | ${instead} |`)
  return [
    head,
    ...declarations.map(row),
    '',
    'Refused with `error[not-yet]` in this version:',
    '',
    '| setting | instead |',
    '|---|---|',
    ...refused,
    '| `workers` above 1 | run further instances beside it |',
    ''
  ].join('\n')
}
