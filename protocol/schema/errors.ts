/** What can be wrong with a call, as opposed to what can be wrong with the bytes (`MalformedMessageError`). */

/** The message has no such version here; checked before a version is used, so reaching this is a fault of ours. */
export class UnsupportedVersionError extends Error {
  override readonly name = 'UnsupportedVersionError'
}

/**
 * A value cannot be said in the version asked for: the field is not in it and may not be dropped, or null is not
 * allowed in it (Kafka's UnsupportedVersionException from generated code).
 */
export class UnsupportedFieldError extends Error {
  override readonly name = 'UnsupportedFieldError'
}
