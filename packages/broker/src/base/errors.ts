/** The two kinds of failure that are nobody's breach of the protocol (style: errors). */

/** The world failed us: disk full, server gone, file unreadable. Every `code` has a written policy. */
export class OperationalError extends Error {
  readonly code: string;
  /** True when the same call may succeed later without anyone changing anything but the world. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OperationalError';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** Our own bug. Thrown by `assert`, never caught below main. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvariantError';
  }
}

/** States what must hold if our code is right; never used for input from the world. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
