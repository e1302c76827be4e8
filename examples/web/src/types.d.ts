/** A compressed file that the page loads, and its bytes. */
export interface PackedFile {
  file: string;
  packed: number;
}

/** What the build reads from a model file; the page has it as JSON. */
export interface Facts extends PackedFile {
  name: string;
  /** Of the model file. */
  bytes: number;
  /** The negative one first. */
  labels: [string, string];
  threshold: number;
  /** How many tokens at the end of a review are read. */
  maxTokens: number;
  /** Probabilities from the first number to below the second are neutral; null: it does not say. */
  neutral: [number, number] | null;
  hasStars: boolean;
  /** The tensor with the log-odds; null: the model has no such tensor. */
  logit: string | null;
  /** What is a token, or mark-up; null: the model is older than version 3 of the token rule. */
  tokens: string | null;
  /** Sentences are clear up to the first and from the second; mixed reviews are between the others. */
  mixed: [number, number, number, number];
  /** How many it knows. */
  words: number;
  /** How many it learned from. */
  reviews: number | null;
  /** The share of right labels on how many reviews that it did not learn from. */
  accuracy: { share: number; reviews: number | null } | null;
  release: Release;
}

/** As in toolkit/model/facts/release_facts.py. */
export interface Release {
  model_name?: string;
  model_version?: string;
  date?: string;
  language?: string;
  domain?: string;
  licence?: string;
  intended_use?: string;
}

export interface PageFacts {
  /** ONNX Runtime. */
  runtime: PackedFile;
  /** The first is the default. */
  models: Facts[];
}

/** One for each text, in order; of a text that is blank or has no known word, NaN and an empty label. */
export interface Scores {
  probabilities: Float32Array<ArrayBuffer>;
  labels: string[];
  /** 1 to 5; NaN if the model tells none. */
  stars: Float32Array<ArrayBuffer>;
}

/** A part of a text, `text.slice(start, end)`: of UTF-16 units. */
export interface Span {
  start: number;
  end: number;
}

/** A word, and its share of the logit of the positive label. */
export interface WeighedWord extends Span {
  contribution: number;
}

/** The logit of a text as a sum: `start` and the contributions of the words. */
export interface Explanation {
  logit: number;
  /** The logit of the text with those words hidden. */
  start: number;
  words: WeighedWord[];
  /** Whether words are left out of the list, as weighing all would take too long. */
  isPart: boolean;
}

export interface Sentence extends Span {
  probability: number;
}

/** The sentences of a text with a word that the model knows, and whether they make it mixed. */
export interface Sentences {
  sentences: Sentence[];
  isMixed: boolean;
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
  /** Of the model that scored it. */
  facts: Facts;
  column: string;
  /** "comma", "semicolon", "tab", or null in JSON Lines. */
  separator: string | null;
  /** Records that were read. */
  rows: number;
  /** Of the records that have a score, in no order that matters. */
  probabilities: Float32Array<ArrayBuffer>;
  /** Their mean; null if the model tells no stars. */
  meanStars: number | null;
  withoutText: number;
  /** Records with a text of which the model knows no word. */
  withoutKnownWords: number;
  rejected: Rejected[];
  rejects: Blob;
  seconds: number;
}

/** What is written into the scored file besides label and probability. */
export interface Written {
  stars: boolean;
  /** Whether reviews in the middle get the label "neutral". */
  neutral: boolean;
}

export type SortKey = "row" | "probability" | "stars";

/** Which rows of the scored file are asked for; those without a score come last. */
export interface RowsWanted {
  sort: SortKey;
  descending: boolean;
  from: number;
  count: number;
}

export interface Row {
  /** From 1. */
  row: number;
  text: string;
  /** NaN without a score. */
  probability: number;
  stars: number;
}

/** What the page asks of the worker; "rows" and "write" are about the file that was scored last. */
export type Request =
  | { kind: "load"; id: number; wasm: ArrayBuffer | null; model: ArrayBuffer; facts: Facts }
  | { kind: "score"; id: number; texts: string[] }
  | { kind: "explain"; id: number; text: string }
  | { kind: "sentences"; id: number; text: string }
  | { kind: "file"; id: number; file: File; column: string | null }
  | { kind: "rows"; id: number; wanted: RowsWanted }
  | { kind: "write"; id: number; written: Written }
  | { kind: "stop"; id: number };

/** What the worker says: any number of "progress" for a request, and one of the others. */
export type Reply =
  | { kind: "progress"; id: number; done: number; total: number; share: number }
  | { kind: "done"; id: number; value: unknown }
  | { kind: "choose"; id: number; columns: string[]; likely: string }
  | { kind: "failed"; id: number; message: string };
