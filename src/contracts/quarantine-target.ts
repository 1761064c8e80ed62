/** Where the bad records of one topic go under one policy, and what is kept of them there. */
import type { CompiledPolicy } from './compile.ts'
import type { QuarantineTarget } from './judgement.ts'
import { withoutProperties } from './payload/sensitive.ts'
import type { SideReader } from './payload-side.ts'
import { expandTemplate } from './policy/quarantine.ts'

/** @param value reads the values of the topic, to find the schema of one */
export function quarantineTarget({ model }: CompiledPolicy, topic: string, value: SideReader): QuarantineTarget {
  const { topic: template, create, values, transactions } = model.quarantine
  const target = { topic: expandTemplate(template, topic), create, values, transactions }
  return values === 'keep' ? target : { ...target, keptOf: (bytes) => withoutTagged(value, bytes) }
}

function withoutTagged(side: SideReader, value: Buffer): Buffer | null {
  const found = side.schemaOf(value)
  if (found === null) return null
  const { sensitive } = found.schema.format
  if (sensitive === 'nothing') return value
  if (sensitive === 'everything') return null
  const kept = withoutProperties(value.subarray(found.payloadStart), sensitive)
  return kept === null ? null : Buffer.concat([value.subarray(0, found.payloadStart), kept])
}
