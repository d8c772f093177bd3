// Hands a file to Medusa's own importer, which runs in the server, and waits until it is through. The importer creates
// what has no id and updates what has one, so that the second run looks the ids up first.
//
// node import.mjs load|update FILE
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { login, salesChannel } from "./shop.mjs";

const [step, path] = process.argv.slice(2);
const sdk = await login();
let text = readFileSync(path, "utf8");

if (step === "update") {
  const [products, variants] = [new Map(), new Map()];
  for (let offset = 0, total = 1; offset < total; offset += 100) {
    const page = await sdk.admin.product.list({
      sales_channel_id: salesChannel, limit: 100, offset, order: "id", fields: "id,handle,variants.id,variants.sku",
    });
    total = page.count;
    for (const product of page.products) {
      products.set(product.handle, product.id);
      for (const variant of product.variants) variants.set(variant.sku, variant.id);
    }
  }
  const rows = parse(text, { columns: true });
  for (const row of rows) {
    row["Product Id"] = products.get(row["Product Handle"]);
    row["Variant Id"] = variants.get(row["Variant Sku"]);
  }
  const quoted = (cell) => `"${cell.replaceAll('"', '""')}"`;
  const lines = [Object.keys(rows[0]), ...rows.map((row) => Object.values(row))];
  text = lines.map((cells) => cells.map(quoted).join()).join("\n");
}

// What became of it is told to the people in the dashboard, by the name of the file.
const name = `${salesChannel}-${step}.csv`;
const { transaction_id } = await sdk.admin.product.createImport({ file: new File([text], name, { type: "text/csv" }) });
await sdk.admin.product.confirmImport(transaction_id);
const patience = Date.now() + 30 * 60 * 1000;
for (;;) {
  if (Date.now() > patience) throw new Error("the importer said nothing in half an hour");
  const { notifications } = await sdk.admin.notification.list({ channel: "feed", order: "-created_at", limit: 5 });
  const told = notifications.map((one) => one.data?.description ?? "").find((one) => one.includes(name));
  if (told?.startsWith("Failed")) throw new Error(told);
  if (told) break;
  await new Promise((resolve) => setTimeout(resolve, 250));
}
