/**
 * Builds the page into a folder: as separate files for any static server, and as one file that
 * contains everything and can be opened from a disk.
 *
 *     node build.mjs [--model ../../exported/reviews-small.onnx] [--out dist]
 */

import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { gzip } from "node:zlib";

import { build } from "esbuild";

import { readFacts } from "./facts.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const WASM = fileURLToPath(import.meta.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));

const { values } = parseArgs({
  options: {
    model: { type: "string", default: join(HERE, "../../exported/reviews-small.onnx") },
    out: { type: "string", default: join(HERE, "dist") },
  },
});

/** Bundles a module; ONNX Runtime asks for its own address, which a bundle does not have. */
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

const packed = async (name, bytes) =>
  `<script type="application/octet-stream" id="${name}">` +
  `${(await promisify(gzip)(bytes, { level: 9 })).toString("base64")}</script>`;

const page = await readFile(join(HERE, "index.html"), "utf8");
const style = await readFile(join(HERE, "style.css"), "utf8");
const model = await readFile(values.model);
const wasm = await readFile(WASM);
const script = await bundle("src/page.js", "esm");
const worker = await bundle("src/worker/worker.js", "iife");
const factsOfModel = JSON.stringify(readFacts(model, basename(values.model, ".onnx")));
const facts = `<script type="application/json" id="facts">${factsOfModel.replaceAll("<", "\\u003c")}</script>`;

await rm(values.out, { recursive: true, force: true });
await mkdir(values.out, { recursive: true });
const write = (name, content) => writeFile(join(values.out, name), content);

await copyFile(values.model, join(values.out, "model.onnx"));
await copyFile(WASM, join(values.out, "ort.wasm"));
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
    facts,
    script: '<script type="module" src="page.js"></script>',
  }),
);

const inline = script.replaceAll("</script", "<\\/script");
const assets = await Promise.all([
  packed("ort.wasm", wasm),
  packed("model.onnx", model),
  packed("worker.js", Buffer.from(worker)),
]);
await write(
  "review-sentiment.html",
  fill(page, {
    policy: policy(
      `script-src ${hash(inline)} 'wasm-unsafe-eval'; style-src ${hash(style)}; worker-src blob:`,
    ),
    style: `<style>${style}</style>`,
    facts: [facts, ...assets].join("\n    "),
    script: `<script type="module">${inline}</script>`,
  }),
);
