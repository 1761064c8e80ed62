/** All messages that are declared under protocol/messages, found by looking at the exports of every file there. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Fields } from '../../protocol/schema/fields.ts'
import type { Message } from '../../protocol/schema/message.ts'

const folder = fileURLToPath(new URL('../../protocol/messages/', import.meta.url))

export type AnyMessage = Message<Fields>

export async function allMessages(): Promise<AnyMessage[]> {
  const found: AnyMessage[] = []
  for (const file of readdirSync(folder).sort()) {
    const exports = (await import(`${folder}${file}`)) as Record<string, unknown>
    found.push(...Object.values(exports).filter(isMessage))
  }
  return found
}

/** Every declared version, in ascending order. */
export function versionsOf(message: AnyMessage): number[] {
  const [first, last] = message.versions
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function isMessage(value: unknown): value is AnyMessage {
  return typeof value === 'object' && value !== null && 'fields' in value && 'decode' in value && 'encode' in value
}
