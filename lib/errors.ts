/** The base of every error that agentwire throws: `code` is stable, the message says what to do. */
export class AgentwireError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}
