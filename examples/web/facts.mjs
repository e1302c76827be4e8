/** What a model file says about itself: the fields that the page needs (onnx.proto). */

import protobuf from "protobufjs/minimal.js";

const METADATA_PROPS = 14; // of ModelProto, each with a key (1) and a value (2), here of JSON

/** Calls a function for each field of a message; others are skipped. */
function eachField(reader, end, take) {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!take(tag >>> 3)) reader.skipType(tag & 7);
  }
}

export function readFacts(bytes, name) {
  const reader = protobuf.Reader.create(bytes);
  const found = {};
  eachField(reader, bytes.length, (field) => {
    if (field !== METADATA_PROPS) return false;
    const pair = {};
    const end = reader.uint32() + reader.pos;
    eachField(reader, end, (part) => {
      pair[part] = reader.string();
      return true;
    });
    found[pair[1]] = pair[2];
    return true;
  });
  if (!found.labels || !found.threshold || !found.max_tokens) {
    throw new Error(`${name}: no model of the toolkit, it names no labels, threshold and max_tokens`);
  }
  const threshold = Math.fround(JSON.parse(found.threshold));
  const maxTokens = JSON.parse(found.max_tokens);
  return { name, bytes: bytes.length, labels: JSON.parse(found.labels), threshold, maxTokens };
}
