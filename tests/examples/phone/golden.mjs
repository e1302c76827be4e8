// Reads a JSON array of texts from standard input; writes one of their token ids.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, table] = process.argv.slice(2);
const { Tokens } = await import(pathToFileURL(module));
const tokens = new Tokens(JSON.parse(readFileSync(table, "utf8")));
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map((text) => tokens.ids(text))));
