// The same with every list that the Admin API takes: products have none to create them, but variants have.
//
// node batched.mjs load|update FILE
import {
  FIELDS, createProduct, createVariants, differences, login, readCatalog, updateProducts, updateVariants,
} from "./shop.mjs";

const AT_ONCE = 100;

const [step, file] = process.argv.slice(2);
const client = await login();
const catalog = readCatalog(file);

async function inLists(all, send) {
  for (let at = 0; at < all.length; at += AT_ONCE) await send(client, all.slice(at, at + AT_ONCE));
}

if (step === "load") {
  let waiting = [];
  for (const product of catalog) {
    waiting.push(...(await createProduct(client, product)));
    if (waiting.length >= AT_ONCE) {
      await createVariants(client, waiting);
      waiting = [];
    }
  }
  if (waiting.length) await createVariants(client, waiting);
} else {
  const live = new Map();
  for (let skip = 0, total = 1; skip < total; skip += AT_ONCE) {
    const { products } = await client.request(
      `query ($skip: Int!, $take: Int!) {
        products(options: { skip: $skip, take: $take, sort: { id: ASC } }) { totalItems items { ${FIELDS} } }
      }`,
      { skip, take: AT_ONCE },
    );
    total = products.totalItems;
    for (const product of products.items) {
      for (const variant of product.variants) live.set(variant.sku, product);
    }
  }
  const changes = catalog.map((product) => differences(product, live.get(product.variants[0].sku)));
  await inLists(changes.flatMap((change) => change.products), updateProducts);
  await inLists(changes.flatMap((change) => change.variants), updateVariants);
}
