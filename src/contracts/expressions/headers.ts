/** The headers of one record as rules see them: the last value of a name wins, and a name can be unreadable. */
import { BindingError } from './frame.ts'

/** Use it for `Bindings.headers`. A plain `Map<string, string>` does as well when every header is known to be UTF-8. */
export class HeaderMap extends Map<string, string> {
  readonly #unreadable = new Set<string>()

  /** For a last value that is not UTF-8: reading that header is an error, `has` and `in` still see it. */
  setUnreadable(name: string): void {
    this.#unreadable.add(name)
    super.set(name, '')
  }

  override set(name: string, value: string): this {
    // The base class's constructor calls this before the field exists.
    if (#unreadable in this) this.#unreadable.delete(name)
    return super.set(name, value)
  }

  override get(name: string): string | undefined {
    if (this.#unreadable.has(name)) throw new BindingError('a header that the rule reads is not valid UTF-8')
    return super.get(name)
  }

  override delete(name: string): boolean {
    this.#unreadable.delete(name)
    return super.delete(name)
  }

  override clear(): void {
    this.#unreadable.clear()
    super.clear()
  }
}
