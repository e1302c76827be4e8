/** What a model file says about itself: the fields that the page needs (onnx.proto). */

import protobuf from "protobufjs/minimal.js";

const GRAPH = 7; // of ModelProto
const METADATA_PROPS = 14; // of ModelProto, each with a key (1) and a value (2), here of JSON
const NODE = 1; // of GraphProto
const OUTPUT = 12; // of GraphProto, each with a name (1)
const [INPUTS, OUTPUTS, OPERATOR, ATTRIBUTES] = [1, 2, 4, 5]; // of NodeProto
const [NAME, STRING] = [1, 4]; // of AttributeProto

/** Calls a function for each field of a message; others are skipped. */
function eachField(reader, end, take) {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!take(tag >>> 3)) reader.skipType(tag & 7);
  }
}

/** Calls a function for each field of the message that comes next. */
const eachFieldOfNext = (reader, take) => eachField(reader, reader.uint32() + reader.pos, take);

/** Gives the strings of a message by the numbers of their fields. */
function stringsOf(reader, numbers) {
  const found = Object.fromEntries(numbers.map((number) => [number, []]));
  eachFieldOfNext(reader, (field) => found[field]?.push(reader.string()));
  return found;
}

/** Gives the strings of a node, and those of its attributes that are one string. */
function readNode(reader) {
  const node = { [INPUTS]: [], [OUTPUTS]: [], [OPERATOR]: [], [ATTRIBUTES]: {} };
  eachFieldOfNext(reader, (field) => {
    if (field === ATTRIBUTES) {
      const attribute = stringsOf(reader, [NAME, STRING]);
      node[ATTRIBUTES][attribute[NAME][0]] = attribute[STRING][0];
    } else if (field in node) node[field].push(reader.string());
    else return false;
    return true;
  });
  return node;
}

/** Gives the nodes and the names of the outputs of a graph. */
function readGraph(reader) {
  const [nodes, outputs] = [[], []];
  eachFieldOfNext(reader, (field) => {
    if (field === NODE) nodes.push(readNode(reader));
    else if (field === OUTPUT) outputs.push(stringsOf(reader, [1])[1][0]);
    else return false;
    return true;
  });
  return { nodes, outputs };
}

/** Names the tensor with the logit of `probability`, as `logit_name` in toolkit/model/file.py. */
function logitName(nodes) {
  const makerOf = (name) => nodes.find((node) => node[OUTPUTS].includes(name));
  let node = makerOf("probability");
  while (["Reshape", "Squeeze", "Flatten", "Identity"].includes(node?.[OPERATOR][0])) {
    node = makerOf(node[INPUTS][0]);
  }
  return node?.[OPERATOR][0] === "Sigmoid" ? node[INPUTS][0] : null;
}

/** From which probabilities sentences are clear, and reviews may be mixed (toolkit/model/inference/mixed.py). */
function mixedLimits({ scale = 1, bias = 0 }) {
  const moved = (share) => 1 / (1 + Math.exp(-scale * Math.log(share / (1 - share)) - bias));
  return [0.2, 0.8, 0.05, 0.95].map(moved);
}

function accuracyOf({ validation, folds, test }) {
  if (validation) return { share: validation.accuracy, reviews: validation.reviews ?? null };
  const share = folds?.accuracy?.mean ?? test?.accuracy;
  return share === undefined ? null : { share, reviews: test?.reviews ?? null };
}

const RELEASE = ["model_name", "model_version", "date", "language", "domain", "licence", "intended_use"];

/** What the file says of its release, as far as it does. */
const releaseOf = (written) =>
  Object.fromEntries(RELEASE.filter((key) => written[key]).map((key) => [key, JSON.parse(written[key])]));

export function readFacts(bytes, name) {
  const reader = protobuf.Reader.create(bytes);
  const written = {};
  let graph = { nodes: [], outputs: [] };
  eachField(reader, bytes.length, (field) => {
    if (field === METADATA_PROPS) {
      const pair = stringsOf(reader, [1, 2]);
      written[pair[1][0]] = pair[2][0];
    } else if (field === GRAPH) graph = readGraph(reader);
    else return false;
    return true;
  });
  if (!written.labels || !written.threshold || !written.max_tokens) {
    throw new Error(`${name}: no model of the toolkit, it names no labels, threshold and max_tokens`);
  }
  const fact = (key) => (written[key] === undefined ? null : JSON.parse(written[key]));
  const neutral = fact("neutral");
  const metrics = fact("metrics") ?? {};
  return {
    name,
    bytes: bytes.length,
    labels: fact("labels"),
    threshold: Math.fround(fact("threshold")),
    maxTokens: fact("max_tokens"),
    neutral: neutral && [neutral.low, neutral.high].map(Math.fround),
    hasStars: graph.outputs.includes("stars"),
    logit: logitName(graph.nodes),
    tokens: graph.nodes.map((node) => node[ATTRIBUTES].tokenexp).find(Boolean) ?? null,
    mixed: mixedLimits(metrics.adaptation ?? {}),
    words: fact("vocabulary_size") - 4, // the first four ids are for other things
    reviews: fact("data")?.reviews ?? null,
    accuracy: accuracyOf(metrics),
    release: releaseOf(written),
  };
}
