/** What the model says of a text. */
export interface Score {
  /** Empty where the model knows no word of the text: then it is not an opinion. */
  label: string;
  /** Of the positive label, 0 to 1; NaN where the label is empty. */
  probability: number;
  /** 1 to 5; NaN where the label is empty, undefined if the model does not tell them. */
  stars?: number;
  /** How many of the words that are read the model knows; undefined for files before format 3. */
  knownTokens?: number;
}

export interface Model {
  /** Score any number of texts of any length; what is not a string has no known word. */
  score(texts: Iterable<unknown>): Promise<Score[]>;
  /** Free its memory, and end its worker. */
  close(): Promise<void>;
}

/** A text, or a URL; these types need neither those of web pages nor those of Node. */
export type Address = string | { readonly href: string };

/** What is used of a Worker. */
export interface PageWorker {
  postMessage(message: any, transfer: any[]): void;
  terminate(): void;
  onmessage: any;
  onerror: any;
}

export interface Options {
  /** That the model reads, as `toolkit info` says; by default the 512 of the shipped ones. */
  maxTokens?: number;
  /** On web pages: the address of ONNX Runtime's `ort-wasm-simd-threaded.wasm`. */
  wasm?: Address;
  /** On web pages: a worker of `review-sentiment-toolkit/worker`, so that the page does not stand still. */
  worker?: PageWorker;
}

/**
 * Open a model.
 *
 * @param model In Node, the name of a shipped model, a path, or the bytes; on web pages, an address, or the bytes.
 */
export function open(model: Address | Uint8Array, options?: Options): Promise<Model>;
