// Shopify's own Admin API client against the sandbox.
//
// SANDBOX holds the line that `skucast sandbox` printed; the client is looked up in the folder of NODE_MODULES.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.NODE_MODULES, "x.js"));
const { createAdminApiClient } = require("@shopify/admin-api-client");

const { url, settings } = JSON.parse(process.env.SANDBOX);
const SHOP = "sandbox.myshopify.com";

// The client insists on a shop's name and on HTTPS: the wire itself is turned to the sandbox.
const toSandbox = (address, init) => fetch(String(address).replace(`https://${SHOP}`, url), init);

function connect(accessToken) {
  return createAdminApiClient({
    storeDomain: SHOP,
    apiVersion: "2026-07",
    accessToken,
    customFetchApi: toSandbox,
  });
}

let shop;
let product;
let location;

async function ask(document, variables) {
  const answer = await shop.request(document, { variables });
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
  return answer;
}

const steps = {
  async "a client's credentials give a token"() {
    const answer = await toSandbox(`https://${SHOP}/admin/oauth/access_token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: settings.client_id,
        client_secret: settings.client_secret,
      }),
    });
    const token = await answer.json();
    assert.equal(answer.status, 200);
    assert.ok(token.access_token.startsWith("shpat_"));
    assert.ok(token.scope.split(",").includes("write_products"));
    shop = connect(token.access_token);
    const wrong = await connect("shpat_wrong").request("{ shop { name } }");
    assert.equal(wrong.errors.networkStatusCode, 401);
  },

  async "an answer tells what it cost"() {
    const answer = await ask("{ shop { name currencyCode } locations(first: 5) { nodes { id name isActive } } }");
    location = answer.data.locations.nodes.find((one) => one.name === settings.location).id;
    const { cost } = answer.extensions;
    assert.ok(cost.requestedQueryCost >= cost.actualQueryCost && cost.actualQueryCost > 0);
    assert.ok(cost.throttleStatus.currentlyAvailable <= cost.throttleStatus.maximumAvailable);
  },

  async "a product is one write with its variants, and lists are replaced"() {
    const SET = `mutation ($identifier: ProductSetIdentifiers, $input: ProductSetInput!) {
      productSet(synchronous: true, identifier: $identifier, input: $input) {
        product { id handle variants(first: 10) { nodes { id sku price inventoryItem { id } } } }
        userErrors { field message code }
      }
    }`;
    const variant = (size, price, quantity) => ({
      optionValues: [{ optionName: "Size", name: size }],
      sku: `SHIRT-${size}`,
      price,
      inventoryItem: { tracked: true },
      inventoryQuantities: [{ locationId: location, name: "available", quantity }],
    });
    const input = {
      title: "Shirt",
      status: "ACTIVE",
      productOptions: [{ name: "Size", values: [{ name: "S" }, { name: "M" }] }],
      variants: [variant("S", "20.00", 3), variant("M", "21.00", 4)],
    };
    const made = (await ask(SET, { input })).data.productSet;
    assert.deepEqual(made.userErrors, []);
    product = made.product;
    assert.equal(product.handle, "shirt");
    assert.deepEqual(product.variants.nodes.map((one) => one.price), ["20.00", "21.00"]);

    const [small] = product.variants.nodes;
    const kept = await ask(SET, {
      identifier: { id: product.id },
      input: {
        productOptions: [{ name: "Size", values: [{ name: "S" }] }],
        variants: [{ id: small.id, optionValues: [{ optionName: "Size", name: "S" }] }],
      },
    });
    const left = kept.data.productSet.product.variants.nodes;
    assert.deepEqual(left.map((one) => [one.id, one.sku, one.price]), [[small.id, "SHIRT-S", "20.00"]]);
    product.variants.nodes = left;

    const half = await ask(SET, { identifier: { id: product.id }, input: { variants: [variant("S", "1.00", 1)] } });
    assert.equal(half.data.productSet.userErrors[0].code, "PRODUCT_OPTIONS_INPUT_MISSING");
  },

  async "stock is compared before it is set, and a key is used once"() {
    const SET = `mutation ($input: InventorySetQuantitiesInput!, $key: String!) {
      inventorySetQuantities(input: $input) @idempotent(key: $key) {
        inventoryAdjustmentGroup { id changes { name delta quantityAfterChange } }
        userErrors { field message code }
      }
    }`;
    const [small] = product.variants.nodes;
    const input = (quantity, changeFromQuantity) => ({
      name: "available",
      reason: "correction",
      quantities: [{ inventoryItemId: small.inventoryItem.id, locationId: location, quantity, changeFromQuantity }],
    });
    const set = async (key, ...rest) => (await ask(SET, { key, input: input(...rest) })).data.inventorySetQuantities;
    const stale = await set("k-1", 9, 5);
    assert.equal(stale.userErrors[0].code, "CHANGE_FROM_QUANTITY_STALE");
    const done = await set("k-2", 9, 3);
    assert.deepEqual(done.userErrors, []);
    const again = await set("k-2", 9, 3);
    assert.deepEqual(again, done, "the same key is answered the same, although 3 is stale by now");
    const other = await set("k-2", 8, 9);
    assert.equal(other.userErrors[0].code, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
  },

  async "what the schema does not know is refused"() {
    const answer = await shop.request("{ shop { name colour } }");
    assert.match(answer.errors.graphQLErrors[0].message, /colour/);
  },

  async "a buyer's order is found by its last change"() {
    const bought = await fetch(`${url}/_sandbox/orders`, {
      method: "POST",
      body: JSON.stringify({ lines: [{ sku: "SHIRT-S", quantity: 2 }] }),
    });
    assert.equal(bought.status, 400, "an unpublished product cannot be bought");
    const { publications } = (await ask("{ publications(first: 10) { nodes { id name } } }")).data;
    const store = publications.nodes.find((one) => one.name === "Online Store");
    const PUBLISH = `mutation ($id: ID!, $input: [PublicationInput!]!) {
      publishablePublish(id: $id, input: $input) { userErrors { field message } }
    }`;
    await ask(PUBLISH, { id: product.id, input: [{ publicationId: store.id }] });
    const receipt = await fetch(`${url}/_sandbox/orders`, {
      method: "POST",
      body: JSON.stringify({ lines: [{ sku: "SHIRT-S", quantity: 2 }] }),
    });
    assert.equal(receipt.status, 201);

    const ORDERS = `query ($q: String) {
      orders(first: 5, query: $q, sortKey: UPDATED_AT) {
        pageInfo { hasNextPage }
        nodes { id name currencyCode lineItems(first: 5) { nodes { id sku quantity } } }
      }
    }`;
    const since = new Date(Date.now() - 60_000).toISOString();
    const { orders } = (await ask(ORDERS, { q: `updated_at:>='${since}'` })).data;
    assert.equal(orders.nodes.length, 1);
    assert.deepEqual(orders.nodes[0].lineItems.nodes.map((one) => [one.sku, one.quantity]), [["SHIRT-S", 2]]);
    const later = new Date(Date.now() + 60_000).toISOString();
    assert.equal((await ask(ORDERS, { q: `updated_at:>='${later}'` })).data.orders.nodes.length, 0);
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
  } catch (error) {
    console.log(`  FAILED ${name}`);
    console.error(error.stack);
    process.exit(1);
  }
  console.log(`  ok ${name}`);
}
