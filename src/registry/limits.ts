/** Every bound of the registry client, each with its reason. */

export const limits = {
  /** One answer: a schema of a megabyte, escaped inside JSON, and its envelope. */
  responseBytes: 4 * 1024 * 1024,
  /** Redirects followed on the registry's own host; more is a loop. */
  redirects: 3,
  /**
   * Schemas kept decoded, by count and by the bytes of their documents (their compiled form is some ten times that).
   */
  schemas: 2_000,
  schemaBytes: 64 * 1024 * 1024,
  /** Answers kept per policy side and id; a bad producer can invent four billion ids. */
  decisions: 10_000,
  /** Look-ups under way at once; each is two or three requests. */
  flights: 256,
  /** Of these for ids never seen before, in all and for one side of one topic; the rest is for known ids. */
  unknownFlights: 200,
  unknownFlightsOfQueue: 64,
  /**
   * Look-ups of unknown ids for one side of one topic: a burst, then a steady rate. A deployment of new schemas needs a
   * few, a scan of ids all of them.
   */
  unknownIdBurst: 50,
  unknownIdsPerSecond: 10,
  /** The same for all topics together: what a registry bears from one instance. */
  unknownIdBurstOfAll: 500,
  unknownIdsPerSecondOfAll: 100,
  /** Ids in line for one side of one topic: ten seconds of its rate. More only wait longer than a producer does. */
  lineOfQueue: 100,
  lineOfAll: 20_000,
  /** Sides of topics with a rate of their own; idle ones are forgotten first. */
  queues: 2_000,
  /** Versions of one subject that rules are checked against when a policy loads. */
  admittedVersions: 1_000,
  /** Subjects of one topic under the strategy `topic-record-name`. */
  admittedSubjects: 200,
  /** Levels of references between schemas. */
  referenceDepth: 20,
  /** All documents one schema refers to. */
  references: 200
} as const

/** Waiting times in milliseconds. */
export const timings = {
  /** How often turns are handed out while somebody is in line. */
  turnMs: 100,
  /** A registry replicates: what one node does not know yet, it may know then. */
  secondAskMs: 2_000,
  /** How long "there is no such schema" holds. */
  refusedMs: 10_000,
  /** Age at which the versions of a subject are asked for again where the policy admits only the newest. */
  newestRefreshMs: 30_000,
  /** Age at which an admitted id is asked for again: its version may have been deleted. */
  refreshMs: 300_000,
  /** After a failure: the first pause, doubled up to the last. */
  firstRetryMs: 500,
  lastRetryMs: 10_000,
  /** A schema that cannot be used here will not change; a new release of ours will know it. */
  unusableRetryMs: 60_000
} as const
