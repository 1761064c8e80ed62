/**
 * Topic settings that the embedded broker takes. Only those below `enforced` change what it does; the others are
 * accepted and told again, because tools set them on every topic they create. Unknown names are INVALID_CONFIG.
 */

export type TopicConfigs = ReadonlyMap<string, string>

const longMax = '9223372036854775807'

const enforced = {
  /** With `compact` a record without a key is refused. Nothing is ever compacted. */
  'cleanup.policy': 'delete',
  'max.message.bytes': '1048588',
  'message.timestamp.after.max.ms': '3600000',
  'message.timestamp.before.max.ms': longMax,
  'message.timestamp.type': 'CreateTime',
  /** There is one replica: above 1, acks=all gets NOT_ENOUGH_REPLICAS. */
  'min.insync.replicas': '1'
}

const told = {
  'compression.type': 'producer',
  'delete.retention.ms': '86400000',
  'max.compaction.lag.ms': longMax,
  'min.cleanable.dirty.ratio': '0.5',
  'min.compaction.lag.ms': '0',
  'retention.bytes': '-1',
  'retention.ms': '604800000',
  'segment.bytes': '1073741824',
  'segment.ms': '604800000',
  'unclean.leader.election.enable': 'false'
}

export const defaultTopicConfigs = { ...enforced, ...told }

/** What is wrong with a setting, or null. */
export function faultOfTopicConfig(name: string, value: string): string | null {
  if (!Object.hasOwn(defaultTopicConfigs, name)) return `the embedded broker has no topic setting ${name}`
  switch (name) {
    case 'cleanup.policy':
      return value.split(',').every((p) => ['delete', 'compact'].includes(p.trim()))
        ? null
        : `${name} is delete, compact or both, not ${value}`
    case 'message.timestamp.type':
      return ['CreateTime', 'LogAppendTime'].includes(value) ? null : `${name} cannot be ${value}`
    case 'compression.type':
      return value === 'producer' ? null : `the embedded broker keeps the producer's compression: ${name} is producer`
    default:
      return isNaN(Number(value)) !== isNaN(Number(defaultTopicConfigs[name as keyof typeof defaultTopicConfigs]))
        ? `${name} cannot be ${value}`
        : null
  }
}
