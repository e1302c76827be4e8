/** What the build reads from the model file; the page has it as JSON. */
export interface Facts {
  name: string;
  bytes: number;
  /** The negative one first. */
  labels: [string, string];
  threshold: number;
  /** How many tokens at the end of a review are read. */
  maxTokens: number;
}

/** One for each text, in order; of a text that is blank or has no known word, NaN and an empty label. */
export interface Scores {
  probabilities: Float32Array<ArrayBuffer>;
  labels: string[];
}

/** A word, `text.slice(start, end)`, and what it adds to the logit of the positive label. */
export interface WeighedWord {
  start: number;
  end: number;
  contribution: number;
}

/** A record that could not be read. */
export interface Rejected {
  line: number;
  reason: string;
  /** How it begins. */
  excerpt: string;
}

export interface ScoredFile {
  name: string;
  column: string;
  /** "comma", "semicolon", "tab", or null in JSON Lines. */
  separator: string | null;
  /** Of the records that have a score, in no order that matters. */
  probabilities: Float32Array<ArrayBuffer>;
  /** How many of them got each label. */
  counts: Record<string, number>;
  withoutText: number;
  /** Records with a text of which the model knows no word. */
  withoutKnownWords: number;
  rejected: Rejected[];
  scored: Blob;
  rejects: Blob;
  seconds: number;
}

/** What the page asks of the worker. */
export type Request =
  | { kind: "load"; id: number; wasm: ArrayBuffer; model: ArrayBuffer }
  | { kind: "score"; id: number; texts: string[] }
  | { kind: "explain"; id: number; text: string; mostWords: number }
  | { kind: "file"; id: number; file: File; column: string | null }
  | { kind: "stop"; id: number };

/** What the worker says: any number of "progress" for a request, and one of the others. */
export type Reply =
  | { kind: "progress"; id: number; done: number; total: number; share: number }
  | { kind: "done"; id: number; value: unknown }
  | { kind: "choose"; id: number; columns: string[] }
  | { kind: "failed"; id: number; message: string };
