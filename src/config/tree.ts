/**
 * The declared settings as a tree, which is what the file's structure and the names of variables are checked against.
 */
import type { SettingDeclaration } from './declarations.ts'
import { declarations, notYetKeys } from './declarations.ts'

export type SettingNode =
  | { readonly kind: 'object'; readonly children: ReadonlyMap<string, SettingNode> }
  | { readonly kind: 'objects'; readonly children: ReadonlyMap<string, SettingNode> }
  | { readonly kind: 'leaf'; readonly declaration: SettingDeclaration }
  | { readonly kind: 'not-yet'; readonly instead: string }

type Branch = { readonly kind: 'object' | 'objects'; readonly children: Map<string, SettingNode> }

function build(): ReadonlyMap<string, SettingNode> {
  const root = new Map<string, SettingNode>()
  const place = (path: string, node: SettingNode): void => {
    const parts = path.split('.')
    let level = root
    for (const [index, part] of parts.entries()) {
      const isList = part.endsWith('[]')
      const key = isList ? part.slice(0, -2) : part
      if (index === parts.length - 1) {
        level.set(key, node)
        return
      }
      const found = level.get(key) as Branch | undefined
      const branch: Branch = found ?? { kind: isList ? 'objects' : 'object', children: new Map<string, SettingNode>() }
      level.set(key, branch)
      level = branch.children
    }
  }
  for (const declaration of declarations) place(declaration.path, { kind: 'leaf', declaration })
  for (const [path, instead] of notYetKeys) place(path, { kind: 'not-yet', instead })
  return root
}

export const settingTree = build()

/** `bootstrapServers` as it stands in a variable's name: `BOOTSTRAP_SERVERS`. */
export function upperSnake(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()
}

/** The variable that sets a path: `listeners[].address` has `N` for the index. */
export function variableOf(path: string): string {
  const parts = path
    .split('.')
    .map((part) => (part.endsWith('[]') ? `${upperSnake(part.slice(0, -2))}_N` : upperSnake(part)))
  return `KONTRAKT_${parts.join('_')}`
}
