/**
 * A running Apache Kafka for tests, whatever provides it: Java processes or containers. Tests know only this.
 */

export type KafkaVersion = '4.3.1' | '3.9.2'

export interface ClusterOptions {
  version: KafkaVersion
  /** Combined broker and controller nodes, ids from 1. */
  nodes: 1 | 3
  /** Broker settings over those of the tests (`server.properties` names). */
  config?: Record<string, string>
  /**
   * One more client listener per node, in their order: the broker listens at `listen` and tells its clients
   * `advertised`, where something else stands that leads there. Provider `java` only.
   */
  detours?: readonly Detour[]
}

/** `host:port` pairs. */
export interface Detour {
  listen: string
  advertised: string
}

export interface ClusterNode {
  readonly id: number
  readonly host: string
  /** Stays the same over `kill` and `start`. */
  readonly port: number
  /** Ends the process at once by a signal (default SIGKILL) and resolves when it is gone. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Controlled shutdown: leadership moves away first. Resolves when the process is gone. */
  stop(): Promise<void>
  /** Starts a killed or stopped node on its data; resolves when it answers a client. */
  start(): Promise<void>
  /** Freezes the process: connections stay open and nothing answers. */
  pause(): Promise<void>
  resume(): Promise<void>
}

export interface TestCluster {
  readonly version: KafkaVersion
  readonly provider: 'java' | 'containers'
  /** `host:port` of every node. */
  readonly bootstrap: string[]
  readonly nodes: ClusterNode[]
  /** Ends all nodes and removes their data. On a shared cluster this does nothing: others use it. */
  close(): Promise<void>
}
