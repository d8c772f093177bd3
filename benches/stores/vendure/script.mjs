// A catalog into the shop, product by product, as one would write it down at first.
//
// node script.mjs load|update FILE
import {
  FIELDS, code, createProduct, createVariants, differences, login, readCatalog, updateProducts, updateVariants,
} from "./shop.mjs";

const [step, file] = process.argv.slice(2);
const client = await login();

for (const product of readCatalog(file)) {
  if (step === "load") {
    await createVariants(client, await createProduct(client, product));
    continue;
  }
  const { product: live } = await client.request(`query ($slug: String!) { product(slug: $slug) { ${FIELDS} } }`, {
    slug: code(product.sku),
  });
  const { products, variants } = differences(product, live);
  if (products.length) await updateProducts(client, products);
  if (variants.length) await updateVariants(client, variants);
}
