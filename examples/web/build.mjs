/**
 * Builds the page into a folder: as separate files for any static server, and as one file that
 * contains everything and can be opened from a disk. Large files are compressed; the page unpacks them.
 *
 *     node build.mjs [--model ../../exported/reviews.onnx]... [--out dist]
 *
 * The visitor chooses among the models; the first one is loaded at the start, and is in the one file.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { gzip } from "node:zlib";

import { build } from "esbuild";

import { readFacts } from "./facts.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const WASM = fileURLToPath(import.meta.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
const SHIPPED = ["reviews", "reviews-small", "reviews-open", "conv1d"];

const { values } = parseArgs({
  options: {
    model: {
      type: "string",
      multiple: true,
      default: SHIPPED.map((name) => join(HERE, `../../exported/${name}.onnx`)),
    },
    out: { type: "string", default: join(HERE, "dist") },
  },
});

/** Bundles a module, or a style; ONNX Runtime asks for its own address, which a bundle does not have. */
async function bundle(entry, format) {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, entry)],
    bundle: true,
    minify: true,
    write: false,
    format,
    target: "es2022",
    define: { "import.meta.url": "self.location.href" },
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

/** Fills the marks of index.html; a function, as `$` means something in a string. */
const fill = (page, parts) =>
  page.replace(/<!-- (policy|style|facts|script) -->/g, (_, name) => parts[name]);

const policy = (rules) =>
  `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; ` +
  `base-uri 'none'; form-action 'none'; ${rules}" />`;

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const packed = (bytes) => promisify(gzip)(bytes, { level: 7 });

const inside = (id, type, content) => `<script type="${type}" id="${id}">${content}</script>`;

const factsOf = (facts) =>
  inside("facts", "application/json", JSON.stringify(facts).replaceAll("<", "\\u003c"));

/** Reads a model, and says under which name and in how many bytes the page loads it. */
async function readModel(path) {
  const bytes = await readFile(path);
  const name = basename(path, ".onnx");
  const content = await packed(bytes);
  const file = `${name}.onnx.gz`;
  return { content, facts: { ...readFacts(bytes, name), file, packed: content.length } };
}

const page = await readFile(join(HERE, "index.html"), "utf8");
const style = await bundle("style.css");
const models = await Promise.all(values.model.map(readModel));
const wasm = await packed(await readFile(WASM));
const runtime = { file: "ort.wasm.gz", packed: wasm.length };
const script = await bundle("src/page.js", "esm");
const worker = await bundle("src/worker/worker.js", "iife");

await rm(values.out, { recursive: true, force: true });
await mkdir(values.out, { recursive: true });
const write = (name, content) => writeFile(join(values.out, name), content);

for (const { content, facts } of models) await write(facts.file, content);
await write(runtime.file, wasm);
await write("page.js", script);
await write("worker.js", worker);
await write("style.css", style);
await write(
  "index.html",
  fill(page, {
    policy: policy(
      "script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; worker-src 'self'",
    ),
    style: '<link rel="stylesheet" href="style.css" />',
    facts: factsOf({ runtime, models: models.map(({ facts }) => facts) }),
    script: '<script type="module" src="page.js"></script>',
  }),
);

const [first] = models;
const inline = script.replaceAll("</script", "<\\/script");
const assets = Object.entries({
  [runtime.file]: wasm,
  [first.facts.file]: first.content,
  "worker.js": await packed(Buffer.from(worker)),
}).map(([name, content]) => inside(name, "application/octet-stream", content.toString("base64")));
await write(
  "review-sentiment.html",
  fill(page, {
    policy: policy(
      `script-src ${hash(inline)} 'wasm-unsafe-eval'; style-src ${hash(style)}; worker-src blob:`,
    ),
    style: `<style>${style}</style>`,
    facts: [factsOf({ runtime, models: [first.facts] }), ...assets].join("\n    "),
    script: `<script type="module">${inline}</script>`,
  }),
);
console.log(`written to ${values.out}`);
