// Hands a file to Vendure's own importer, which runs in the server. The same for the first run and the second: the
// importer knows no other way.
//
// node import.mjs load|update FILE
import { readFileSync } from "node:fs";
import { login, url } from "./shop.mjs";

const [, file] = process.argv.slice(2);
const client = await login();
const body = new FormData();
body.append("operations", JSON.stringify({
  query: "mutation ($file: Upload!) { importProducts(csvFile: $file) { imported processed errors } }",
  variables: { file: null },
}));
body.append("map", JSON.stringify({ 0: ["variables.file"] }));
body.append("0", new Blob([readFileSync(file)], { type: "text/csv" }), "products.csv");
const response = await fetch(url, {
  method: "POST",
  // The server takes uploads only with a header that no form of a browser can set.
  headers: { ...client.requestConfig.headers, "apollo-require-preflight": "true" },
  body,
});
const { data, errors } = await response.json();
const problems = errors?.map((error) => error.message) ?? data.importProducts.errors ?? [];
for (const problem of problems) console.error(problem);
if (problems.length) process.exit(1);
