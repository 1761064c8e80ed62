/**
 * The test cache: downloads that every run needs and that must not lie in the tree (Kafka's jars, a Python
 * environment, compiled clients, engine images). An entry is a folder that appears whole or not at all, so that test
 * files that start together download once and an interrupted download leaves nothing that looks finished.
 */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Root of the cache; `KONTRAKT_TEST_CACHE` moves it. */
export function cacheRoot(): string {
  return process.env['KONTRAKT_TEST_CACHE'] ?? join(homedir(), '.cache', 'kontrakt-test')
}

/** How long one waits for another process that fills the same entry: a first Maven download on a slow line. */
const lockWaitMs = 600_000

/** A lock folder without an owner's file is being made or being removed; older than this its maker is gone. */
const ownerlessLockMs = 5_000

/**
 * The folder of cache entry `name`; when it is not there, `fill` makes it in a temporary folder, which is then moved
 * into place. Processes that ask at the same time wait for the first one. Rejects with what `fill` rejects with.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const target = join(cacheRoot(), name)
  if (existsSync(target)) return target
  await mkdir(dirname(target), { recursive: true })
  return await withLock(`${target}.lock`, async () => {
    if (existsSync(target)) return target
    const partial = `${target}.partial`
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial, { recursive: true })
    try {
      await fill(partial)
    } catch (error) {
      await rm(partial, { recursive: true, force: true })
      throw error
    }
    await rename(partial, target)
    return target
  })
}

/**
 * Runs `work` while holding the lock folder `path`. Making a folder is atomic on every file system; the owner's pid
 * inside it lets the next one take over from a process that died.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + lockWaitMs
  while (!(await takeLock(path))) {
    if (Date.now() > deadline) throw new Error(`waited ${lockWaitMs / 1000} s for ${path}: remove it if nothing runs`)
    await sleep(200)
  }
  try {
    return await work()
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}

async function takeLock(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    await writeFile(join(path, 'pid'), String(process.pid))
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  if (await ownerIsGone(path)) await removeStale(path)
  return false
}

/**
 * Moves the lock away before removing it, so that of several that found the same dead owner one succeeds. The lock may
 * have got a new owner in between; then it is put back.
 */
async function removeStale(path: string): Promise<void> {
  const stale = `${path}.${process.pid}`
  try {
    await rename(path, stale)
  } catch {
    return
  }
  if (await ownerIsGone(stale)) await rm(stale, { recursive: true, force: true })
  else await rename(stale, path).catch(() => rm(stale, { recursive: true, force: true }))
}

async function ownerIsGone(path: string): Promise<boolean> {
  const pid = await readFile(join(path, 'pid'), 'utf8').catch(() => '')
  if (pid !== '') return !isAlive(Number(pid))
  const made = await stat(path).catch(() => undefined)
  return made !== undefined && Date.now() - made.mtimeMs > ownerlessLockMs
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
