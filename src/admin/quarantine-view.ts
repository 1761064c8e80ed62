/** What the admin server may do with quarantined records: look, send home, discard. Plain data, without contents. */
import type { DiscardReport } from '../quarantine/discard.ts'
import type { RecordView } from '../quarantine/record-view.ts'
import type { RedriveReport } from '../quarantine/redrive.ts'
import type { RecordFilter } from '../quarantine/selection.ts'

export interface QuarantineQuery extends RecordFilter {
  /** Instead of the topics that today's policies name. */
  readonly quarantineTopic?: string
}

export interface QuarantinePage {
  /** The latest first. */
  readonly items: readonly RecordView[]
  /** Of those that were looked at. */
  readonly total: number
  /** False when there was too much to look at everything: the latest were. */
  readonly complete: boolean
}

export interface ChangeRequest extends Omit<QuarantineQuery, 'state'> {
  /** Nothing is changed, only told what would be. Default false. */
  readonly dryRun?: boolean
  /** Most records. */
  readonly limit?: number
  /** Who does it; stands in the state of the records. */
  readonly by?: string
}

export interface RedriveRequest extends ChangeRequest {
  readonly ignoreOrder?: boolean
}

export interface DiscardRequest extends ChangeRequest {
  readonly reason: string
}

export interface ChangeAnswer<Report> {
  readonly dryRun: boolean
  /** False when more may be left: ask again. */
  readonly complete: boolean
  readonly reports: readonly Report[]
}

/** All reject with QuarantineError for what the caller can mend. */
export interface QuarantineView {
  /** @param skip records to leave out at the newest end */
  list(query: QuarantineQuery, skip: number, limit: number): Promise<QuarantinePage>
  /** @param id at least its first four digits */
  find(id: string, query: Pick<QuarantineQuery, 'topic' | 'quarantineTopic'>): Promise<RecordView>
  redrive(request: RedriveRequest): Promise<ChangeAnswer<RedriveReport>>
  discard(request: DiscardRequest): Promise<ChangeAnswer<DiscardReport>>
}
