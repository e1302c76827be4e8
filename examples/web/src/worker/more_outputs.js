/** A model file that gives one more of its tensors. */

// Field numbers of onnx.proto, each with the wire type 2: bytes of a length.
const GRAPH = (7 << 3) | 2; // of ModelProto
const OUTPUT = (12 << 3) | 2; // of GraphProto
const [NAME, TYPE] = [(1 << 3) | 2, (2 << 3) | 2]; // of ValueInfoProto
const FLOATS = [0x0a, 2, 0x08, 1]; // of TypeProto: a tensor whose elements are float32

/**
 * Add an output to a model, by what protobuf says of fields: a message that is there twice is merged, and
 * what is repeated in it is joined. So nothing needs to be parsed, and the file stays as it is.
 *
 * @param {ArrayBuffer} model
 * @param {string} tensor A name of float32 in its graph.
 */
export function withOutput(model, tensor) {
  const name = Array.from(new TextEncoder().encode(tensor));
  const info = field(OUTPUT, [...field(NAME, name), ...field(TYPE, FLOATS)]);
  const added = field(GRAPH, info);
  const bytes = new Uint8Array(model.byteLength + added.length);
  bytes.set(new Uint8Array(model));
  bytes.set(added, model.byteLength);
  return bytes;
}

/**
 * @param {number} tag
 * @param {number[]} content
 */
const field = (tag, content) => [tag, ...varint(content.length), ...content];

/**
 * @param {number} value
 * @returns {number[]}
 */
const varint = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
