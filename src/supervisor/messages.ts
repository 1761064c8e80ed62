/**
 * What the supervisor and the process of a role tell each other, over the IPC channel of the fork. Settings travel
 * here and nowhere else: arguments and environment of a process can be read by others.
 */
import type { Role, Settings } from '../config/settings.ts'

export type ToRole =
  | { readonly type: 'start'; readonly role: Role; readonly settings: Settings }
  /** Finish what is under way, then exit with 0. */
  | { readonly type: 'drain' }
  /** Exit now. */
  | { readonly type: 'stop' }

export type FromRole =
  /** Everything is listening. */
  { readonly type: 'ready'; readonly addresses: readonly string[] }

/** A channel carries only what we send; this tells our messages from those of a debugger or a test runner. */
export function isMessage(value: unknown): value is ToRole | FromRole {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
