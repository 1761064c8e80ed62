/** `/api/v1/quarantine`: looking at quarantined records, sending them home, discarding them. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { QuarantineError } from '../quarantine/quarantine-error.ts'
import type { QuarantineFault } from '../quarantine/quarantine-error.ts'
import { stateLimits } from '../quarantine/state.ts'
import type { PageRequest } from './paging.ts'
import { pageAnswer, pageProperties } from './paging.ts'
import type { DiscardRequest, QuarantineQuery, QuarantineView, RedriveRequest } from './quarantine-view.ts'

/** Of one redrive or discard over the API; whoever has more asks again. */
export const changeLimits = { default: 1_000, max: 10_000 } as const

/** Pages end here: the newest are kept in memory while all are looked at. */
const maxOffset = 10_000

const text = { type: 'string', minLength: 1, maxLength: 1024 } as const
const topic = { type: 'string', pattern: '^[A-Za-z0-9._-]{1,249}$' } as const
const moment = { type: 'integer', minimum: 0 } as const
const id = { type: 'string', pattern: '^[0-9a-f]{4,32}$' } as const

const filters = {
  topic,
  quarantineTopic: topic,
  rule: text,
  clientId: text,
  principal: text,
  policy: text,
  sinceMs: moment,
  untilMs: moment
} as const

const listSchema = {
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...filters,
      state: { enum: ['open', 'redriven', 'discarded', 'all'] },
      ...pageProperties,
      offset: { ...pageProperties.offset, maximum: maxOffset }
    }
  }
} as const

const findSchema = {
  params: { type: 'object', required: ['id'], properties: { id } },
  querystring: { type: 'object', additionalProperties: false, properties: { topic, quarantineTopic: topic } }
} as const

const change = {
  ...filters,
  ids: { type: 'array', minItems: 1, maxItems: 1_000, items: id },
  dryRun: { type: 'boolean' },
  limit: { type: 'integer', minimum: 1, maximum: changeLimits.max },
  by: { ...text, maxLength: stateLimits.by }
} as const

const redriveSchema = {
  body: { type: 'object', additionalProperties: false, properties: { ...change, ignoreOrder: { type: 'boolean' } } }
} as const

const discardSchema = {
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['reason'],
    properties: { ...change, reason: { ...text, maxLength: stateLimits.reason } }
  }
} as const

export interface QuarantineAccess {
  /** A token guards the API. Without one anybody on the machine can ask it: enough for looking, not for changing. */
  readonly hasToken: boolean
}

export function quarantineRoutes(server: FastifyInstance, view: QuarantineView, { hasToken }: QuarantineAccess): void {
  const refusal = (request: { readonly dryRun?: boolean }): { error: string; message: string } | null =>
    hasToken || request.dryRun === true
      ? null
      : { error: 'forbidden', message: 'changes need a token: set admin.token; dryRun needs none' }

  server.get<{ Querystring: PageRequest & QuarantineQuery }>('/quarantine', { schema: listSchema }, (request, reply) =>
    answered(reply, async () => {
      const { limit, offset, ...query } = request.query
      const { items, total, complete } = await view.list(query, offset, limit)
      return { ...pageAnswer(request.url, { limit, offset }, items, total), complete }
    })
  )
  server.get<{ Params: { id: string }; Querystring: Pick<QuarantineQuery, 'topic' | 'quarantineTopic'> }>(
    '/quarantine/:id',
    { schema: findSchema },
    (request, reply) => answered(reply, () => view.find(request.params.id, request.query))
  )
  server.post<{ Body: RedriveRequest }>('/quarantine/redrive', { schema: redriveSchema }, (request, reply) => {
    const no = refusal(request.body)
    return no === null ? answered(reply, () => view.redrive(request.body)) : reply.code(403).send(no)
  })
  server.post<{ Body: DiscardRequest }>('/quarantine/discard', { schema: discardSchema }, (request, reply) => {
    const no = refusal(request.body)
    return no === null ? answered(reply, () => view.discard(request.body)) : reply.code(403).send(no)
  })
}

const statusOf: Readonly<Record<QuarantineFault, number>> = {
  'no-policy': 404,
  'no-topic': 404,
  'no-record': 404,
  'ambiguous-id': 409,
  busy: 409,
  fenced: 409,
  'too-many': 422,
  'not-allowed': 502,
  'unknown-outcome': 503,
  'not-taken': 503
}

async function answered<T>(reply: FastifyReply, run: () => Promise<T>): Promise<T | FastifyReply> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof QuarantineError)) throw error
    const remedy = error.remedy === null ? '' : ` (${error.remedy})`
    return reply.code(statusOf[error.fault]).send({ error: error.fault, message: `${error.message}${remedy}` })
  }
}
