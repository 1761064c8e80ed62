/** KIP-430: which operations the client may do, as a bit per code of AclOperation. Here everybody may do everything. */
const codes = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12
} as const

function bits(...operations: (keyof typeof codes)[]): number {
  return operations.reduce((mask, operation) => mask | (1 << codes[operation]), 0)
}

/** Said when nobody asked. */
export const operationsNotAsked = -2_147_483_648

export const topicOperations = bits(
  'read',
  'write',
  'create',
  'delete',
  'alter',
  'describe',
  'describeConfigs',
  'alterConfigs'
)
export const clusterOperations = bits(
  'create',
  'alter',
  'describe',
  'clusterAction',
  'describeConfigs',
  'alterConfigs',
  'idempotentWrite'
)
export const groupOperations = bits('read', 'delete', 'describe')
