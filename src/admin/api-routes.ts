/**
 * `/api/v1`: what the instance knows, as JSON, in pages; and what a policy would say. Nothing here changes anything;
 * what does is in `quarantine-routes.ts`.
 */
import type { FastifyInstance } from 'fastify'
import type { RefusalQuery } from '../observability/refusal-journal.ts'
import type { PageRequest } from './paging.ts'
import { cutPage, pageAnswer, pageProperties } from './paging.ts'
import type { InstanceView, JudgeRequest, PolicyCheckRequest } from './view.ts'

const text = { type: 'string', maxLength: 1024 } as const

const paged = { querystring: { type: 'object', additionalProperties: false, properties: pageProperties } } as const

const violationsSchema = {
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...pageProperties,
      topic: text,
      partition: { type: 'integer', minimum: 0 },
      clientId: text,
      principal: text,
      rule: text,
      // `offset` is the page's; this is the record's.
      recordOffset: { type: 'integer', minimum: 0 },
      quarantineId: { type: 'string', pattern: '^[0-9a-f]{4,32}$' },
      sinceMs: { type: 'integer', minimum: 0 }
    }
  }
} as const

interface ViolationsQuery extends PageRequest, Omit<RefusalQuery, 'offset'> {
  readonly recordOffset?: number
}

const explainSchema = {
  querystring: {
    type: 'object',
    additionalProperties: false,
    required: ['text'],
    properties: { text: { type: 'string', minLength: 1, maxLength: 8_192 } }
  }
} as const

const judgeSchema = {
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['topic'],
    properties: {
      topic: { type: 'string', minLength: 1, maxLength: 249 },
      partition: { type: 'integer', minimum: 0, maximum: 0x7fffffff },
      key: {},
      keyHex: { type: 'string', pattern: '^([0-9a-fA-F]{2})*$' },
      value: {},
      valueHex: { type: 'string', pattern: '^([0-9a-fA-F]{2})*$' },
      headers: {
        anyOf: [
          { type: 'object', additionalProperties: { type: 'string' } },
          {
            type: 'array',
            items: {
              type: 'array',
              minItems: 2,
              maxItems: 2,
              prefixItems: [{ type: 'string' }, { type: ['string', 'null'] }]
            }
          }
        ]
      },
      timestamp: { type: 'integer' },
      clientId: text,
      principal: text
    },
    allOf: [{ not: { required: ['key', 'keyHex'] } }, { not: { required: ['value', 'valueHex'] } }]
  }
} as const

const checkSchema = {
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['content'],
    properties: {
      // A name, not a way out of the policies folder.
      file: { type: 'string', maxLength: 255, pattern: '^[A-Za-z0-9_][A-Za-z0-9_./-]*$', not: { pattern: '\\.\\.' } },
      content: { type: 'string' }
    }
  }
} as const

export function apiRoutes(server: FastifyInstance, view: InstanceView): void {
  server.get('/status', () => view.status())
  server.get<{ Querystring: PageRequest }>('/policies', { schema: paged }, (request) =>
    cutPage(request.url, request.query, view.policies())
  )
  server.get<{ Querystring: PageRequest }>('/topics', { schema: paged }, (request) =>
    cutPage(request.url, request.query, view.topics())
  )
  server.get<{ Querystring: PageRequest }>('/producers', { schema: paged }, (request) =>
    cutPage(request.url, request.query, view.producers())
  )
  server.get<{ Querystring: PageRequest }>('/connections', { schema: paged }, (request) =>
    cutPage(request.url, request.query, view.connections())
  )
  server.get<{ Querystring: ViolationsQuery }>('/violations', { schema: violationsSchema }, (request) => {
    const { limit, offset, recordOffset, ...filters } = request.query
    const query = recordOffset === undefined ? filters : { ...filters, offset: recordOffset }
    const { items, total } = view.violations(query, offset, limit)
    return pageAnswer(request.url, { limit, offset }, items, total)
  })
  server.get<{ Querystring: { readonly text: string } }>('/why', { schema: explainSchema }, (request, reply) => {
    const explanation = view.explain(request.query.text)
    if (explanation !== null) return explanation
    return reply
      .code(404)
      .send({ error: 'not-found', message: 'the text names no policy and no rule of this instance' })
  })
  server.post<{ Body: PolicyCheckRequest }>('/policies/check', { schema: checkSchema }, (request) =>
    view.checkPolicy(request.body)
  )
  server.post<{ Body: JudgeRequest }>('/judge', { schema: judgeSchema }, async (request, reply) => {
    const answer = await view.judge(request.body)
    return reply.code(answer.ok ? 200 : 422).send(answer)
  })
}
