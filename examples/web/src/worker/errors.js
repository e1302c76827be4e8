/** Input that cannot be used: the message says what was found and what to do. */
export class InputError extends Error {}

/** The column of the texts has to be chosen by the visitor. */
export class ColumnWanted extends Error {
  /** @param {string[]} columns */
  constructor(columns) {
    super("no column is called text or review");
    this.columns = columns;
  }
}
