/** What stops a redrive or a discard, in words for whoever started it. */
import { errorByCode, errorCodes } from '../../protocol/errors.ts'
import { TransactionError } from '../kafka/transactional-writer.ts'
import { QuarantineError } from './quarantine-error.ts'

/** The broker's words, with Kafka's name of the error. */
export function reasonOf({ code, message }: TransactionError): string {
  const name = code === null ? undefined : errorByCode(code)?.name
  return name === undefined || message.includes(name) ? message : `${name}: ${message}`
}

/** A QuarantineError for what a writer says; other errors stay as they are. */
export function explained(error: unknown): unknown {
  return error instanceof TransactionError ? translated(error) : error
}

function translated(error: TransactionError): QuarantineError {
  switch (error.fault) {
    case 'fenced':
      return new QuarantineError(
        'fenced',
        'another redrive or discard of this quarantine topic has taken over; this one stops',
        'what it had finished is kept. Brokers also end a transaction that takes too long; then run it again',
        error
      )
    case 'refused':
      return new QuarantineError(
        'not-allowed',
        `the cluster refuses to write in a transaction: ${reasonOf(error)}`,
        'our principal needs WRITE and DESCRIBE on the transactional ids kontrakt-redrive-* (prefixed), WRITE on the ' +
          'topics and on the state topic; or go without transactions: --at-least-once',
        error
      )
    case 'outcome-unknown':
      return new QuarantineError(
        'unknown-outcome',
        `whether the last records were sent is not known: ${error.message}`,
        'run it again: it reads first what was committed, and sends nothing twice',
        error
      )
    case 'abortable':
    case 'closed':
      return notTaken(error)
  }
}

function notTaken(error: TransactionError): QuarantineError {
  if (error.code === errorCodes.TOPIC_AUTHORIZATION_FAILED) {
    const remedy = 'our principal needs WRITE on the state topic, as `kontrakt doctor` says'
    return new QuarantineError('not-allowed', `the cluster refuses: ${error.message}`, remedy, error)
  }
  const remedy = 'run it again later: it goes on where it stopped'
  return new QuarantineError('not-taken', `the brokers do not take the records now: ${error.message}`, remedy, error)
}
