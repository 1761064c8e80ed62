import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cached, withLock } from '../../support/cache.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kontrakt-cache-'))
  vi.stubEnv('KONTRAKT_TEST_CACHE', folder)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

describe('a cache entry', () => {
  it('is filled once when several ask at the same time', async () => {
    let fills = 0
    const fill = async (partial: string): Promise<void> => {
      fills++
      await writeFile(join(partial, 'content'), 'whole')
    }
    const paths = await Promise.all([cached('entry', fill), cached('entry', fill), cached('entry', fill)])
    expect(new Set(paths)).toEqual(new Set([join(folder, 'entry')]))
    expect(fills).toBe(1)
    expect(await readFile(join(folder, 'entry', 'content'), 'utf8')).toBe('whole')
  })

  it('is not there after a fill that failed, and is filled by the next', async () => {
    const failing = cached('entry', async (partial) => {
      await writeFile(join(partial, 'content'), 'half')
      throw new Error('interrupted')
    })
    await expect(failing).rejects.toThrow('interrupted')
    expect(existsSync(join(folder, 'entry'))).toBe(false)
    const path = await cached('entry', (partial) => writeFile(join(partial, 'content'), 'whole'))
    expect(await readFile(join(path, 'content'), 'utf8')).toBe('whole')
  })
})

describe('a lock', () => {
  it('is taken over from a process that is gone', async () => {
    const lock = join(folder, 'lock')
    await mkdir(lock)
    // No system has so high a process id.
    await writeFile(join(lock, 'pid'), '999999999')
    expect(await withLock(lock, () => Promise.resolve('taken'))).toBe('taken')
    expect(existsSync(lock)).toBe(false)
  })

  it('lets one in at a time', async () => {
    const lock = join(folder, 'lock')
    let inside = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 5))
      inside--
    }
    await Promise.all([withLock(lock, work), withLock(lock, work), withLock(lock, work)])
    expect(most).toBe(1)
  })
})
