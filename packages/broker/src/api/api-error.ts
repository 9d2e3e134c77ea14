/** A request that is refused: what the caller is told, as status, code and sentence. */
export class ApiError extends Error {
  readonly status: number;
  /** Stable, in kebab case: for programs. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }

  /** The body of the answer. */
  toJSON(): { error: { code: string; message: string } } {
    return { error: { code: this.code, message: this.message } };
  }
}
