/** Runs one command line in this process, and keeps what it printed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Person } from '../../../src/cli/io.ts'
import { run } from '../../../src/cli/program.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export class Sandbox {
  readonly folder = mkdtempSync(join(tmpdir(), 'kontrakt-cli-'))
  env: Record<string, string> = {}
  /** Who can be asked; nobody unless a test says so. */
  person?: Person

  write(path: string, text: string): void {
    const absolute = join(this.folder, path)
    mkdirSync(dirname(absolute), { recursive: true })
    writeFileSync(absolute, text)
  }

  async run(...args: readonly string[]): Promise<Ran> {
    let out = ''
    let err = ''
    const code = await run(args, {
      out: (text) => (out += text),
      err: (text) => (err += text),
      env: this.env,
      cwd: this.folder,
      colour: false,
      errColour: false,
      ...(this.person === undefined ? {} : { person: this.person })
    })
    return { code, out, err }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
