// A catalog into the shop, product by product, as one would write it down at first.
//
// node script.mjs load|update FILE
import {
  CREATED, FIELDS, createLevels, differences, handle, login, newLevels, newProduct, readCatalog, updateLevels,
} from "./shop.mjs";

const [step, file] = process.argv.slice(2);
const sdk = await login();

for (const product of readCatalog(file)) {
  if (step === "load") {
    const { product: created } = await sdk.admin.product.create(newProduct(product), CREATED);
    await createLevels(sdk, newLevels(product, created));
    continue;
  }
  const { products } = await sdk.admin.product.list({ handle: handle(product), fields: FIELDS });
  const { id, content, variants, levels } = differences(product, products[0]);
  if (Object.keys(content).length) await sdk.admin.product.update(id, content);
  if (variants.length) await sdk.admin.product.batchVariants(id, { update: variants });
  if (levels.length) await updateLevels(sdk, levels);
}
