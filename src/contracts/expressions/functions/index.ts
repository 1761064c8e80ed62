/** All functions and operators by form and name. */
import { conversions } from './conversions.ts'
import type { Overload } from './define.ts'
import { operators } from './operators.ts'
import { record } from './record.ts'
import { sizes, strings } from './strings.ts'
import { times } from './times.ts'

const byFormAndName = new Map<string, Overload[]>()

for (const overload of [...operators, ...conversions, ...strings, ...sizes, ...times, ...record]) {
  const key = `${overload.form} ${overload.name}`
  const same = byFormAndName.get(key)
  if (same === undefined) byFormAndName.set(key, [overload])
  else same.push(overload)
}

/** The overloads of a function in one form; empty when there is none of that name. */
export function overloadsOf(form: Overload['form'], name: string): readonly Overload[] {
  return byFormAndName.get(`${form} ${name}`) ?? []
}

/** Names as a user can write them in that form. */
export function functionNames(form: 'global' | 'member'): string[] {
  return [...byFormAndName.keys()].filter((key) => key.startsWith(`${form} `)).map((key) => key.slice(form.length + 1))
}

export type { Overload } from './define.ts'
