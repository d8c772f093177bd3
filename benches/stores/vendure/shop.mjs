// What the scripts share: the log-in, and the catalog as products.
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { GraphQLClient } from "graphql-request";

const { VENDURE_URL, VENDURE_USERNAME, VENDURE_PASSWORD, VENDURE_CHANNEL, VENDURE_LOCATION } = process.env;

export const location = VENDURE_LOCATION;
export const url = VENDURE_URL;

// Vendure has no client library for its Admin API; its documentation names this one for scripts.
export async function login() {
  const client = new GraphQLClient(VENDURE_URL);
  const { headers } = await client.rawRequest(
    `mutation ($username: String!, $password: String!) {
      login(username: $username, password: $password) { __typename }
    }`,
    { username: VENDURE_USERNAME, password: VENDURE_PASSWORD },
  );
  client.setHeader("authorization", `Bearer ${headers.get("vendure-auth-token")}`);
  client.setHeader("vendure-token", VENDURE_CHANNEL);
  return client;
}

export function readCatalog(file) {
  const rows = parse(readFileSync(file), { columns: true });
  const products = new Map();
  for (const row of rows) {
    if (!row.parent_sku) {
      const { sku, title, description, brand } = row;
      products.set(sku, { sku, title, description, brand, axes: [], variants: [] });
    }
    if (!row.price) continue;
    const product = products.get(row.parent_sku || row.sku);
    const options = ["Color", "Size"]
      .filter((axis) => row[`option:${axis}`])
      .map((axis) => ({ axis, value: row[`option:${axis}`] }));
    for (const { axis, value } of options) {
      let known = product.axes.find((one) => one.name === axis);
      if (!known) product.axes.push((known = { name: axis, values: [] }));
      if (!known.values.includes(value)) known.values.push(value);
    }
    product.variants.push({
      sku: row.sku,
      title: row.title,
      price: Math.round(Number(row.price) * 100),
      quantity: Number(row.quantity),
      options,
    });
  }
  return [...products.values()];
}

export const code = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");

const text = (fields) => [{ languageCode: "en", ...fields }];

const brands = new Map();

// The id of a brand's facet value, made when it is missing.
export async function brandId(client, brand) {
  if (!brands.size) {
    const { facets } = await client.request(`{
      facets(options: { filter: { code: { eq: "brand" } } }) { items { id values { id name } } }
    }`);
    let facet = facets.items[0];
    if (!facet) {
      const made = await client.request(
        `mutation ($input: CreateFacetInput!) { createFacet(input: $input) { id values { id name } } }`,
        { input: { code: "brand", isPrivate: false, translations: text({ name: "Brand" }) } },
      );
      facet = made.createFacet;
    }
    brands.set("", facet.id);
    for (const value of facet.values) brands.set(value.name, value.id);
  }
  if (!brands.has(brand)) {
    const { createFacetValues } = await client.request(
      `mutation ($input: [CreateFacetValueInput!]!) { createFacetValues(input: $input) { id } }`,
      { input: [{ facetId: brands.get(""), code: code(brand), translations: text({ name: brand }) }] },
    );
    brands.set(brand, createFacetValues[0].id);
  }
  return brands.get(brand);
}

// Makes a product with its options. Answers with the inputs of its variants, which are to be made next.
export async function createProduct(client, product) {
  const { createProduct: made } = await client.request(
    `mutation ($input: CreateProductInput!) { createProduct(input: $input) { id } }`,
    {
      input: {
        enabled: true,
        facetValueIds: [await brandId(client, product.brand)],
        translations: text({ name: product.title, slug: code(product.sku), description: product.description }),
      },
    },
  );
  const ids = new Map();
  for (const axis of product.axes) {
    const { createProductOptionGroup: group } = await client.request(
      `mutation ($input: CreateProductOptionGroupInput!) {
        createProductOptionGroup(input: $input) { id options { id code } }
      }`,
      {
        input: {
          code: code(`${product.sku} ${axis.name}`),
          translations: text({ name: axis.name }),
          options: axis.values.map((value) => ({ code: code(value), translations: text({ name: value }) })),
        },
      },
    );
    for (const value of axis.values) {
      ids.set(`${axis.name}/${value}`, group.options.find((option) => option.code === code(value)).id);
    }
    await client.request(
      `mutation ($product: ID!, $group: ID!) {
        addOptionGroupToProduct(productId: $product, optionGroupId: $group) { id }
      }`,
      { product: made.id, group: group.id },
    );
  }
  return product.variants.map((variant) => ({
    productId: made.id,
    sku: variant.sku,
    price: variant.price,
    optionIds: variant.options.map(({ axis, value }) => ids.get(`${axis}/${value}`)),
    trackInventory: "TRUE",
    stockLevels: [{ stockLocationId: location, stockOnHand: variant.quantity }],
    translations: text({ name: variant.title }),
  }));
}

export const createVariants = (client, input) =>
  client.request(
    `mutation ($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id } }`,
    { input },
  );

export const updateProducts = (client, input) =>
  client.request(`mutation ($input: [UpdateProductInput!]!) { updateProducts(input: $input) { id } }`, { input });

export const updateVariants = (client, input) =>
  client.request(
    `mutation ($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }`,
    { input },
  );

// Of a product in the shop.
export const FIELDS = `id name slug description
  variants { id sku prices { price } stockLevels { stockLocationId stockOnHand } }`;

// What has to be written so that the shop shows the product as the catalog has it.
export function differences(product, live) {
  const products = [];
  if (live.name !== product.title || live.description !== product.description) {
    const translation = { name: product.title, slug: live.slug, description: product.description };
    products.push({ id: live.id, translations: text(translation) });
  }
  const variants = [];
  for (const variant of product.variants) {
    const known = live.variants.find((one) => one.sku === variant.sku);
    const stock = known.stockLevels.find((level) => level.stockLocationId === location)?.stockOnHand;
    if (known.prices[0]?.price !== variant.price || stock !== variant.quantity) {
      const stockLevels = [{ stockLocationId: location, stockOnHand: variant.quantity }];
      variants.push({ id: known.id, price: variant.price, stockLevels });
    }
  }
  return { products, variants };
}
