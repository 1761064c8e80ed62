/** The captured frames under `test/fixtures/frames`: hex text in sections, each under a line that says what it is. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const framesFolder = join(import.meta.dirname, '../../fixtures/frames')

export interface CapturedFrame {
  /** `<client>-<version>` */
  readonly client: string
  /** `<api>-v<version>-<what>` */
  readonly name: string
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  /** Whole frames, length prefixes included. */
  readonly request: Buffer
  /** Null: the broker gave none (acks=0). */
  readonly answer: Buffer | null
}

export function capturedFrames(): CapturedFrame[] {
  return readdirSync(framesFolder)
    .sort()
    .flatMap((client) =>
      readdirSync(join(framesFolder, client))
        .sort()
        .map((file) => {
          const [request, answer] = sections(readFileSync(join(framesFolder, client, file), 'utf8'))
          if (request === undefined) throw new Error(`${client}/${file} holds no frame`)
          return {
            client,
            name: file.replace(/\.hex$/, ''),
            apiKey: request.readInt16BE(4),
            apiVersion: request.readInt16BE(6),
            correlationId: request.readInt32BE(8),
            request,
            answer: answer ?? null
          }
        })
    )
}

function sections(text: string): Buffer[] {
  return text
    .split(/^#.*$/m)
    .map((hex) => hex.replace(/\s/g, ''))
    .filter((hex) => hex !== '')
    .map((hex) => Buffer.from(hex, 'hex'))
}
