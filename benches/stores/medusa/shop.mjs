// What the scripts share: the log-in, and the catalog as products.
import { readFileSync } from "node:fs";
import Medusa from "@medusajs/js-sdk";
import { parse } from "csv-parse/sync";

const { MEDUSA_URL, MEDUSA_EMAIL, MEDUSA_PASSWORD } = process.env;
const { MEDUSA_SALES_CHANNEL, MEDUSA_LOCATION, MEDUSA_SHIPPING_PROFILE } = process.env;

export const salesChannel = MEDUSA_SALES_CHANNEL;

// A token of a log-in: the server checks it in a fraction of the time that a secret key takes.
export async function login() {
  const sdk = new Medusa({ baseUrl: MEDUSA_URL, auth: { type: "jwt", jwtTokenStorageMethod: "memory" } });
  await sdk.auth.login("user", "emailpass", { email: MEDUSA_EMAIL, password: MEDUSA_PASSWORD });
  return sdk;
}

export function readCatalog(file) {
  const rows = parse(readFileSync(file), { columns: true });
  const products = new Map();
  for (const row of rows) {
    if (!row.parent_sku) {
      const { sku, title, description, brand } = row;
      products.set(sku, { sku, title, description, brand, options: [], variants: [] });
    }
    if (!row.price) continue;
    const product = products.get(row.parent_sku || row.sku);
    const chosen = ["Color", "Size"].filter((axis) => row[`option:${axis}`]);
    const choices = chosen.length ? chosen.map((axis) => [axis, row[`option:${axis}`]]) : [["Default", "Default"]];
    for (const [title, value] of choices) {
      let known = product.options.find((option) => option.title === title);
      if (!known) product.options.push((known = { title, values: [] }));
      if (!known.values.includes(value)) known.values.push(value);
    }
    product.variants.push({
      sku: row.sku,
      title: choices.map(([, value]) => value).join(" / "),
      options: Object.fromEntries(choices),
      price: Number(row.price),
      quantity: Number(row.quantity),
    });
  }
  return [...products.values()];
}

export const handle = (product) => product.sku.toLowerCase();

const prices = (variant) => [{ currency_code: "eur", amount: variant.price }];

export const newProduct = (product) => ({
  title: product.title,
  handle: handle(product),
  description: product.description,
  status: "published",
  metadata: { brand: product.brand },
  sales_channels: [{ id: salesChannel }],
  shipping_profile_id: MEDUSA_SHIPPING_PROFILE,
  options: product.options,
  variants: product.variants.map((variant) => ({
    title: variant.title,
    sku: variant.sku,
    manage_inventory: true,
    options: variant.options,
    prices: prices(variant),
  })),
});

const level = (item, variant) => ({
  inventory_item_id: item,
  location_id: MEDUSA_LOCATION,
  stocked_quantity: variant.quantity,
});

// A new product as the shop answers, so that its stock can be set.
export const CREATED = { fields: "id,variants.sku,variants.inventory_items.inventory_item_id" };

export function newLevels(product, created) {
  return product.variants.map((variant) => {
    const known = created.variants.find((one) => one.sku === variant.sku);
    return level(known.inventory_items[0].inventory_item_id, variant);
  });
}

export const createLevels = (sdk, create) => sdk.admin.inventoryItem.batchInventoryItemsLocationLevels({ create });
export const updateLevels = (sdk, update) => sdk.admin.inventoryItem.batchInventoryItemsLocationLevels({ update });

export const FIELDS = [
  "id,title,handle,description",
  "variants.id,variants.sku,variants.prices.id,variants.prices.amount,variants.prices.currency_code",
  "variants.inventory_items.inventory_item_id",
  "variants.inventory_items.inventory.location_levels.location_id",
  "variants.inventory_items.inventory.location_levels.stocked_quantity",
].join();

// What has to be written so that the shop shows the product as the catalog has it.
export function differences(product, live) {
  const content = {};
  if (live.title !== product.title) content.title = product.title;
  if (live.description !== product.description) content.description = product.description;
  const [variants, levels] = [[], []];
  for (const variant of product.variants) {
    const known = live.variants.find((one) => one.sku === variant.sku);
    if (known.prices.find((price) => price.currency_code === "eur")?.amount !== variant.price) {
      variants.push({ id: known.id, prices: prices(variant) });
    }
    const [item] = known.inventory_items;
    const stock = item.inventory.location_levels.find((one) => one.location_id === MEDUSA_LOCATION);
    if (stock?.stocked_quantity !== variant.quantity) levels.push(level(item.inventory_item_id, variant));
  }
  return { id: live.id, content, variants, levels };
}
