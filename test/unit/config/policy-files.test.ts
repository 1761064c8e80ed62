import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kindOf, PolicyFilesOnDisk } from '../../../src/config/policy-files.ts'

let root = ''
let files: PolicyFilesOnDisk

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kontrakt-files-'))
  mkdirSync(join(root, 'policies'))
  files = new PolicyFilesOnDisk(join(root, 'policies'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(path: string, content: string | Buffer = 'x'): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

function code(path: string): string {
  const read = files.read(path)
  return read.ok ? Buffer.from(read.bytes).toString() : read.code
}

describe('reading a file of the policies folder', () => {
  it('gives its bytes', () => {
    put('policies/shop/a.yaml', 'content')
    expect(code('shop/a.yaml')).toBe('content')
  })

  it.each(['../secret', 'shop/../../secret', '/etc/hostname', '..', '.', ''])('refuses the path %j', (path) => {
    put('secret')
    put('policies/shop/a.yaml')
    expect(['file-outside', 'file-missing', 'file-unreadable']).toContain(code(path))
  })

  it('refuses a link that leads out, and one through a linked folder', () => {
    put('secret', 'secret')
    put('outside/a.yaml', 'secret')
    symlinkSync(join(root, 'secret'), join(root, 'policies/link.yaml'))
    symlinkSync(join(root, 'outside'), join(root, 'policies/linked'))
    expect(code('link.yaml')).toBe('file-outside')
    expect(code('linked/a.yaml')).toBe('file-outside')
  })

  it('follows a link that stays inside, as Kubernetes mounts have them', () => {
    put('policies/..2026/a.yaml', 'mounted')
    symlinkSync('..2026', join(root, 'policies/..data'))
    symlinkSync('..data/a.yaml', join(root, 'policies/a.yaml'))
    expect(code('a.yaml')).toBe('mounted')
    expect(files.list()).toMatchObject({ ok: true, entries: [{ path: 'a.yaml', kind: 'policy' }] })
  })

  it('may be asked through a folder that is a link itself', () => {
    put('policies/a.yaml', 'content')
    symlinkSync(join(root, 'policies'), join(root, 'alias'))
    files = new PolicyFilesOnDisk(join(root, 'alias'))
    expect(code('a.yaml')).toBe('content')
  })

  it('refuses what is no file, is not there or is over the limit', () => {
    mkdirSync(join(root, 'policies/folder.yaml'))
    put('policies/big.yaml', Buffer.alloc(1024 * 1024 + 1))
    expect(code('folder.yaml')).toBe('file-unreadable')
    expect(code('none.yaml')).toBe('file-missing')
    expect(code('big.yaml')).toBe('too-large')
  })
})

describe('a pipe in the policies folder', () => {
  it('is refused unread, although nobody writes to it', () => {
    execFileSync('mkfifo', [join(root, 'policies/p.yaml')])
    expect(code('p.yaml')).toBe('file-unreadable')
  })
})

describe('listing the policies folder', () => {
  it('goes into folders, in order, and leaves hidden files out', () => {
    for (const path of ['b.yaml', 'a/c.yaml', 'a/c.cases.yaml', 'schemas/x.yaml', 'README.md', '.git/x.yaml', 'z.yml'])
      put(`policies/${path}`)
    const listing = files.list()
    expect(listing.ok && listing.entries.map(({ path, kind }) => `${path} ${kind}`)).toEqual([
      'README.md other',
      'a/c.cases.yaml cases',
      'a/c.yaml policy',
      'b.yaml policy',
      'schemas/x.yaml other',
      'z.yml misnamed'
    ])
  })

  it('goes through linked folders that stay inside, each once, also in circles', () => {
    put('policies/..2026/team/orders.yaml')
    put('policies/..2026/team/schemas/o.json')
    put('policies/real/b.yaml')
    symlinkSync('..2026', join(root, 'policies/..data'))
    symlinkSync('..data/team', join(root, 'policies/team'))
    symlinkSync('real', join(root, 'policies/again'))
    symlinkSync('..', join(root, 'policies/real/circle'))
    const listing = files.list()
    expect(listing.ok && listing.entries.map(({ path }) => path)).toEqual([
      'real/b.yaml',
      'team/orders.yaml',
      'team/schemas/o.json'
    ])
  })

  it('tells of links to folders outside, and to nothing', () => {
    put('outside/a.yaml')
    mkdirSync(join(root, 'policies'), { recursive: true })
    symlinkSync(join(root, 'outside'), join(root, 'policies/linked'))
    symlinkSync('gone', join(root, 'policies/team'))
    const listing = files.list()
    expect(listing.ok && listing.entries.map(({ path, kind }) => `${path} ${kind}`)).toEqual([
      'linked outside',
      'team dead-link'
    ])
  })

  it('says when there is no folder', () => {
    expect(new PolicyFilesOnDisk(join(root, 'nope')).list()).toMatchObject({ ok: false })
  })

  it.each([
    ['orders.yaml', 'policy'],
    ['shop/orders.v1.yaml', 'policy'],
    ['orders.cases.yaml', 'cases'],
    ['orders.odcs.yaml', 'odcs'],
    ['schemas/orders.yaml', 'other'],
    ['shop/schemas/deep/orders.yaml', 'other'],
    ['schemas.yaml', 'policy'],
    ['Orders.YAML', 'policy'],
    ['Orders.Cases.Yaml', 'cases'],
    ['orders.yml', 'misnamed'],
    ['orders.json', 'other']
  ])('takes %s for: %s', (path, kind) => {
    expect(kindOf(path)).toBe(kind)
  })
})
