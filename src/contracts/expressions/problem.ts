/** A fault in an expression, found when its file is loaded. */
export interface Problem {
  /** UTF-16 units from the start of the expression's source. */
  readonly offset: number
  /** What is wrong. May name fields and literals of the source, never values of records. */
  readonly message: string
  /** What would be right. */
  readonly remedy?: string
}

/** Thrown inside the compiler to give up on the first fault that makes going on pointless. */
export class Refusal extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }
}
