// The same with every list that the client library offers.
//
// node batched.mjs load|update FILE
import {
  CREATED, FIELDS, createLevels, differences, handle, login, newLevels, newProduct, readCatalog, salesChannel,
  updateLevels,
} from "./shop.mjs";

const PRODUCTS_AT_ONCE = 50;
const LEVELS_AT_ONCE = 500;

const [step, file] = process.argv.slice(2);
const sdk = await login();
const catalog = readCatalog(file);

function* lists(all, length) {
  for (let at = 0; at < all.length; at += length) yield all.slice(at, at + length);
}

if (step === "load") {
  for (const part of lists(catalog, PRODUCTS_AT_ONCE)) {
    const { created } = await sdk.admin.product.batch({ create: part.map(newProduct) }, CREATED);
    const bySku = new Map(created.flatMap((product) => product.variants.map((variant) => [variant.sku, product])));
    const levels = part.flatMap((product) => newLevels(product, bySku.get(product.variants[0].sku)));
    await createLevels(sdk, levels);
  }
} else {
  const live = new Map();
  for (let offset = 0, total = 1; offset < total; offset += 100) {
    const page = await sdk.admin.product.list({
      sales_channel_id: salesChannel, limit: 100, offset, order: "id", fields: FIELDS,
    });
    total = page.count;
    for (const product of page.products) live.set(product.handle, product);
  }
  const changes = catalog.map((product) => differences(product, live.get(handle(product))));
  const contents = changes.filter((change) => Object.keys(change.content).length);
  for (const part of lists(contents, PRODUCTS_AT_ONCE)) {
    await sdk.admin.product.batch({ update: part.map(({ id, content }) => ({ id, ...content })) });
  }
  // The list for several products would delete the variants that it does not name.
  for (const { id, variants } of changes.filter((change) => change.variants.length)) {
    await sdk.admin.product.batchVariants(id, { update: variants });
  }
  for (const part of lists(changes.flatMap((change) => change.levels), LEVELS_AT_ONCE)) {
    await updateLevels(sdk, part);
  }
}
