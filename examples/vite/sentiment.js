import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { open } from "review-sentiment-toolkit";
import file from "review-sentiment-toolkit/models/reviews.onnx?url";
import Worker from "review-sentiment-toolkit/worker?worker";

const model = open(file, { wasm, worker: new Worker() }); // no await: the page would wait

/** @param {Iterable<unknown>} texts What is not a string has no known word. */
export const sentiment = async (texts) => (await model).score(texts);
