// The place of a record in its changelog, as every change that it holds is applied with.

/** Where and when the record stands that a change belongs to. */
export interface Stamp {
  readonly position: number;
  readonly time: number;
}
