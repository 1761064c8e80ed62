/**
 * Every code that stands in `error[code]` and `warning[code]` for a policy file, a cases file or a schema beside them,
 * with its meaning. `docs/policy-file.md` lists the same set; a test compares them.
 */
export const diagnosticCodes = {
  'yaml-syntax':
    'The file is not YAML 1.2, not UTF-8, or uses something a policy needs not: tags, directives, several documents.',
  'duplicate-key': 'A key stands twice in one map; YAML readers would keep one of them silently.',
  'too-large': 'The file, or what its aliases expand to, is over the limit.',
  'unknown-key': 'No version of kontrakt knows this key.',
  'not-yet': 'The key or value is part of the design, but this version does not implement it.',
  'missing-key': 'A key that is required is absent.',
  'wrong-type': 'The value is of another YAML type than the key takes.',
  'wrong-value': 'The value is none of those the key takes.',
  'bad-topic': 'A topic pattern that can match no topic.',
  'topic-tie': 'Two policies match the same topics with equally specific patterns.',
  'quarantine-topic': 'The topic is a quarantine topic: a policy on it would judge what has been judged.',
  'bad-pattern': 'A regular expression that RE2 does not accept.',
  'bad-path': 'A field path that cannot be read.',
  'unknown-field': 'The schema has no such field.',
  'field-type': 'A check does not fit the type that the schema gives the field.',
  'duplicate-id': 'Two checks have the same id, or a rule took the id of a built-in check.',
  'unknown-check': 'An entry of `checks` names a check that this policy does not have.',
  framing: 'Framing and schema do not fit: required with a registry, none with a file.',
  'missing-schema': 'Avro and Protobuf cannot be judged without a schema.',
  'unused-key': 'The key has no effect next to the others, so it is refused rather than ignored.',
  'no-registry': 'The policy takes its schema from a registry and the settings name none.',
  'registry-unreachable': 'The registry could not be asked, so the rules were not checked against its schemas.',
  'no-schema-version': 'The registry has no admitted schema for this policy.',
  'file-name': 'A file whose name nothing reads: policies end in .yaml.',
  'file-missing': 'A file that is named here does not exist.',
  'file-outside': 'A path or a link leads out of the policies folder.',
  'file-unreadable': 'A file cannot be read.',
  'bad-schema': 'The schema file itself is faulty.',
  'rule-syntax':
    'An expression that is wrong whatever the schema: not CEL, an unknown name or function, a bad pattern.',
  'rule-type': 'An expression that does not fit the schema: an unknown field, a wrong type, too high a cost.',
  'rule-not-applicable':
    'A check that fits some admitted schema versions and not this one: it is undecidable for records written with it.',
  'bad-case': 'A case contradicts itself or its value cannot be encoded with the schema.',
  'missing-copy': 'A case needs the copy of a registry schema that has not been saved.'
} as const

export type DiagnosticCode = keyof typeof diagnosticCodes
