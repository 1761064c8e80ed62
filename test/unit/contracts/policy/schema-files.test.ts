import { describe, expect, it } from 'vitest'
import { contractOf, diagnosticsOf, head, policyOf, violationsOf } from '../../../support/contracts.ts'

describe('a schema from a file', () => {
  it('is named when it is not there', () => {
    const [fault] = diagnosticsOf(`${head}value:\n  format: avro\n  schema: { file: schemas/x.avsc }`)
    expect(fault).toMatchObject({
      code: 'file-missing',
      line: 5,
      column: 19,
      message: 'there is no file schemas/x.avsc'
    })
  })

  it('is blamed at its own file when it is faulty', () => {
    const [fault] = diagnosticsOf(`${head}value: { format: avro, schema: { file: x.avsc } }`, {
      'x.avsc': '{ "type": "recrd" }'
    })
    expect(fault).toMatchObject({ code: 'bad-schema', file: 'x.avsc' })
  })

  it('is refused when it is not UTF-8', () => {
    const bytes = Buffer.from([0x22, 0xff, 0x22]).toString('latin1')
    // A text that is written as UTF-8 is UTF-8; the faulty one is in the folder tests, with real files.
    expect(
      diagnosticsOf(`${head}value: { format: avro, schema: { file: x.avsc } }`, { 'x.avsc': bytes })[0]?.code
    ).toBe('bad-schema')
  })

  it('of JSON may refer to files beside it, and the policy consists of them all', () => {
    const files = {
      'schemas/order.json': '{"type":"object","properties":{"customer":{"$ref":"common/customer.json"}}}',
      'schemas/common/customer.json': '{"type":"object","required":["id"],"properties":{"id":{"$ref":"id.json"}}}',
      'schemas/common/id.json': '{"type":"string"}'
    }
    const yaml = `${head}value: { format: json, schema: { file: schemas/order.json } }`
    expect([...policyOf(yaml, files).files.keys()].sort()).toEqual(['policy.yaml', ...Object.keys(files)].sort())
  })

  it('of Protobuf may import files, found from the folder of the main file', () => {
    const files = {
      'schemas/a.proto':
        'syntax = "proto3";\nimport "common/b.proto";\nimport "google/protobuf/timestamp.proto";\nmessage A { common.B b = 1; }',
      'schemas/common/b.proto': 'syntax = "proto3";\npackage common;\nimport "common/c.proto";\nmessage B { C c = 1; }',
      'schemas/common/c.proto': 'syntax = "proto3";\npackage common;\nmessage C { string name = 1; }'
    }
    const contract = contractOf(`${head}value: { format: protobuf, schema: { file: schemas/a.proto } }`, { files })
    expect(violationsOf(contract, { value: Buffer.from('0a050a030a0178', 'hex') })).toEqual([])
    expect(violationsOf(contract, { value: Buffer.from('0a050a03080178', 'hex') })).not.toEqual([])
  })

  it('names the file that imports one that is not there', () => {
    const files = { 'schemas/a.proto': 'syntax = "proto3";\n\nimport "gone.proto";\nmessage A {}' }
    const [fault] = diagnosticsOf(`${head}value: { format: protobuf, schema: { file: schemas/a.proto } }`, files)
    expect(fault).toMatchObject({ code: 'file-missing', file: 'schemas/a.proto', line: 3 })
  })

  it.each(['../../secret.proto', '/etc/secret.proto'])('never imports %s', (path) => {
    const files = { 'a.proto': `syntax = "proto3";\nimport "${path}";\nmessage A {}` }
    const [fault] = diagnosticsOf(`${head}value: { format: protobuf, schema: { file: a.proto } }`, files)
    expect(fault?.code).toBe('file-outside')
  })

  it('of Protobuf may use the files of google.protobuf and of known options, and finds imports anywhere', () => {
    const files = {
      'a.proto':
        'syntax = "proto3"; import "google/protobuf/descriptor.proto"; import "buf/validate/validate.proto"; import "b.proto";\n' +
        'extend google.protobuf.FieldOptions { string v = 50000; }\nmessage A { B b = 1 [(v) = "x"]; }',
      'b.proto': 'syntax = "proto3"; message B { int32 n = 1; }'
    }
    const yaml = `${head}value: { format: protobuf, schema: { file: a.proto } }`
    expect([...policyOf(yaml, files).files.keys()].sort()).toEqual(['a.proto', 'b.proto', 'policy.yaml'])
  })

  it('of Protobuf misses a file of google.protobuf that does not exist', () => {
    const files = { 'a.proto': 'syntax = "proto3"; import "google/protobuf/gone.proto"; message A {}' }
    const [fault] = diagnosticsOf(`${head}value: { format: protobuf, schema: { file: a.proto } }`, files)
    expect(fault).toMatchObject({ code: 'file-missing', file: 'a.proto' })
  })

  it('of JSON takes no data for a reference, and a property for what it is', () => {
    const data = { const: { $ref: 'a.json' }, enum: [{ $ref: 'b.json' }], examples: [{ $ref: 'c.json' }] }
    const schema = { properties: { x: data, const: { $ref: 'd.json' } }, default: { $ref: 'e.json' } }
    const files = { 'x.json': JSON.stringify(schema) }
    const yaml = `${head}value: { format: json, schema: { file: x.json } }`
    const faults = diagnosticsOf(yaml, files)
    expect(faults).toMatchObject([{ code: 'file-missing' }])
    expect(faults[0]?.message).toContain('d.json')
    expect([...policyOf(yaml, { ...files, 'd.json': '{}' }).files.keys()].sort()).toEqual([
      'd.json',
      'policy.yaml',
      'x.json'
    ])
  })

  it('survives imports that go round in a circle', () => {
    const files = {
      'a.proto': 'syntax = "proto3";\nimport "b.proto";\nmessage A {}',
      'b.proto': 'syntax = "proto3";\nimport "c.proto";\nmessage B {}',
      'c.proto': 'syntax = "proto3";\nimport "b.proto";\nmessage C {}'
    }
    const faults = diagnosticsOf(`${head}value: { format: protobuf, schema: { file: a.proto } }`, files)
    expect(faults.length).toBeLessThanOrEqual(1)
  })

  it('bounds how many files a schema pulls in', () => {
    const files: Record<string, string> = {}
    for (let i = 0; i < 300; i++)
      files[`f${i}.proto`] = `syntax = "proto3";\nimport "f${i + 1}.proto";\nmessage M${i} {}`
    const [fault] = diagnosticsOf(`${head}value: { format: protobuf, schema: { file: f0.proto } }`, files)
    expect(fault?.code).toBe('too-large')
  })

  it('picks the message of a Protobuf file by its full name', () => {
    const files = {
      'a.proto': 'syntax = "proto3";\npackage p;\nmessage A { int32 n = 1; }\nmessage B { string s = 1; }'
    }
    const yaml = `${head}value: { format: protobuf, schema: { file: a.proto, message: p.B } }\nfields: { value.s: { minLength: 1 } }`
    expect(diagnosticsOf(yaml, files)).toEqual([])
    expect(diagnosticsOf(yaml.replace('p.B', 'p.C'), files)[0]?.code).toBe('bad-schema')
  })
})
