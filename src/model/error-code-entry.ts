// One row of the table of operating errors; the rows are in error-codes-*.ts by subject.

export interface ErrorCodeEntry {
  /** HTTP status a caller outside sees. */
  readonly status: number;
  /** Thrown in a handler, it ends the invocation instead of being retried. Default false. */
  readonly terminal?: boolean;
  /** The same request may be sent again and may then succeed. Default false. */
  readonly retryable?: boolean;
  readonly happened: string;
  readonly why: string;
  readonly fix: string;
}
