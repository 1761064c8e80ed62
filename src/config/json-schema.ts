/**
 * The JSON Schema of the settings file, for completion in editors. Published as `docs/schemas/settings.schema.json`; a
 * test keeps the two equal and compares its judgement with the loader's.
 */
import type { SettingDeclaration } from './declarations.ts'
import type { Kind } from './kinds.ts'
import { settingsFileLimits } from './limits.ts'
import type { SettingNode } from './tree.ts'
import { settingTree } from './tree.ts'

type Schema = Readonly<Record<string, unknown>>

const hostPort = { type: 'string', pattern: '^(\\[[0-9A-Fa-f:.%A-Za-z0-9]+\\]|[^:\\[\\],]+):[0-9]{1,5}$' }
const commaHostPorts = {
  type: 'string',
  pattern: '^(\\[[^\\],]+\\]|[^:\\[\\],]+):[0-9]{1,5}(\\s*,\\s*(\\[[^\\],]+\\]|[^:\\[\\],]+):[0-9]{1,5})*$'
}

function leafSchema(declaration: SettingDeclaration): Schema {
  const words = (declaration.of ?? []).filter((word) => declaration.notYet?.includes(word) !== true)
  const schemas: Readonly<Record<Kind, Schema>> = {
    'host-port': hostPort,
    'host-port-or-off': { anyOf: [hostPort, { enum: ['off', false] }] },
    'host-ports': { anyOf: [{ type: 'array', minItems: 1, items: hostPort }, commaHostPorts] },
    host: { type: 'string', pattern: '^[A-Za-z0-9_.:%-]+$' },
    'broker-ports': {
      anyOf: [
        { type: 'string', pattern: '^([0-9]{1,5}-[0-9]{1,5}|[0-9]+=[0-9]{1,5}(,[0-9]+=[0-9]{1,5})*)$' },
        {
          type: 'object',
          minProperties: 1,
          propertyNames: { pattern: '^[0-9]{1,10}$' },
          additionalProperties: { type: 'integer', minimum: 0, maximum: 65535 }
        }
      ]
    },
    path: { type: 'string', minLength: 1 },
    url: { type: 'string', pattern: '^[hH][tT][tT][pP][sS]?://[^?#@]+$' },
    text: { type: 'string', minLength: 1 },
    topic: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,249}$' },
    boolean: { type: 'boolean' },
    choice: { enum: words },
    choices: { anyOf: [{ type: 'array', minItems: 1, items: { enum: words } }, { enum: words }] },
    count: {
      type: 'integer',
      ...(declaration.min === undefined ? {} : { minimum: Number(declaration.min) }),
      ...(declaration.max === undefined
        ? {}
        : { maximum: declaration.path === 'workers' ? 1 : Number(declaration.max) })
    },
    size: { type: 'string', pattern: '^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)$' },
    duration: { type: 'string', pattern: '^[0-9]+(ms|s|m|h|d)$' },
    secret: {
      anyOf: [
        { type: 'string', minLength: 1 },
        {
          type: 'object',
          required: ['env'],
          additionalProperties: false,
          properties: { env: { type: 'string', minLength: 1 } }
        },
        {
          type: 'object',
          required: ['file'],
          additionalProperties: false,
          properties: { file: { type: 'string', minLength: 1 } }
        }
      ]
    }
  }
  const otherwise = declaration.default ?? declaration.defaultFrom
  const description = otherwise === undefined ? declaration.help : `${declaration.help} (default: ${otherwise})`
  return { description, ...schemas[declaration.kind] }
}

function objectSchema(children: ReadonlyMap<string, SettingNode>, isRoot: boolean): Schema {
  const properties: Record<string, Schema> = {}
  const required: string[] = []
  for (const [key, node] of children) {
    switch (node.kind) {
      case 'leaf':
        properties[key] = leafSchema(node.declaration)
        // Only what no variable and no flag could add: the rest may come from there.
        if (node.declaration.fileOnly === true) required.push(key)
        break
      case 'object':
        properties[key] = { ...objectSchema(node.children, false), type: ['object', 'null'] }
        break
      case 'objects': {
        const items = { ...objectSchema(node.children, false), type: ['object', 'null'] }
        properties[key] = { type: ['array', 'null'], maxItems: settingsFileLimits.listItems, items }
        break
      }
      case 'not-yet':
        break
    }
  }
  const own = { type: 'object', additionalProperties: false, properties }
  return isRoot || required.length > 0 ? { ...own, required } : own
}

export function settingsJsonSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'kontrakt settings (kontrakt.yaml)',
    ...objectSchema(settingTree, true)
  }
}
