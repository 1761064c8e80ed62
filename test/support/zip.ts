/**
 * Reading entries of a zip or jar file: the central directory, stored and deflated entries. No zip64 and no encryption,
 * which jars from Maven Central do not use.
 */
import { inflateRawSync } from 'node:zlib'

const endSignature = 0x06054b50
const entrySignature = 0x02014b50
const localSignature = 0x04034b50

/** The end record is 22 bytes and a comment of at most 65,535. */
const endRecordBytes = 22
const maxCommentBytes = 0xffff

/** Reads the entries whose name satisfies `wanted`; keys are the full names inside the archive. */
export function readZip(archive: Buffer, wanted: (name: string) => boolean): Map<string, Buffer> {
  const end = findEnd(archive)
  const count = archive.readUInt16LE(end + 10)
  let at = archive.readUInt32LE(end + 16)
  const entries = new Map<string, Buffer>()
  for (let index = 0; index < count; index++) {
    if (archive.readUInt32LE(at) !== entrySignature) throw new Error(`no zip entry at ${at}`)
    const nameLength = archive.readUInt16LE(at + 28)
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    if (wanted(name)) entries.set(name, contentOf(archive, at, name))
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
  return entries
}

function contentOf(archive: Buffer, entry: number, name: string): Buffer {
  const method = archive.readUInt16LE(entry + 10)
  const deflatedBytes = archive.readUInt32LE(entry + 20)
  const inflatedBytes = archive.readUInt32LE(entry + 24)
  const local = archive.readUInt32LE(entry + 42)
  if (archive.readUInt32LE(local) !== localSignature) throw new Error(`${name}: no local header at ${local}`)
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
  const content = archive.subarray(start, start + deflatedBytes)
  if (method === 0) return content
  if (method === 8) return inflateRawSync(content, { maxOutputLength: Math.max(1, inflatedBytes) })
  throw new Error(`${name}: compression method ${method}`)
}

function findEnd(archive: Buffer): number {
  const last = archive.length - endRecordBytes
  for (let at = last; at >= Math.max(0, last - maxCommentBytes); at--) {
    if (archive.readUInt32LE(at) === endSignature) return at
  }
  throw new Error('not a zip file')
}
