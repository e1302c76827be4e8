/** Input that cannot be used: the message says what was found and what to do. */
export class InputError extends Error {}

/** The column of the texts has to be chosen by the visitor. */
export class ColumnWanted extends Error {
  /**
   * @param {string[]} columns
   * @param {string[][]} rows Some rows, to guess by: texts are longer than other values.
   */
  constructor(columns, rows) {
    super("no column is called text or review");
    this.columns = [...new Set(columns)];
    const letters = columns.map((_, place) => rows.reduce((sum, row) => sum + (row[place] ?? "").length, 0));
    this.likely = columns[letters.indexOf(Math.max(...letters))];
  }
}
