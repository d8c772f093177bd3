// WooCommerce's own JavaScript client against the sandbox.
//
// SANDBOX holds the line that `skucast sandbox` printed; NODE_PATH the folder where the client is installed.

"use strict";

const assert = require("node:assert/strict");
const { default: WooCommerceRestApi } = require("@woocommerce/woocommerce-rest-api");

const { url, settings } = JSON.parse(process.env.SANDBOX);
const shop = connect(settings.consumer_secret);

function connect(consumerSecret) {
  return new WooCommerceRestApi({
    url: settings.url,
    consumerKey: settings.consumer_key,
    consumerSecret,
    version: "wc/v3",
    timeout: 10_000,
  });
}

const steps = {
  async "a wrong secret is refused with the vendor's code"() {
    await assert.rejects(connect("cs_wrong").get("products"), (error) => {
      assert.equal(error.response.status, 401);
      assert.equal(error.response.data.code, "woocommerce_rest_authentication_error");
      return true;
    });
  },

  async "a product is created, read, changed"() {
    const created = await shop.post("products", {
      name: "Enamel mug",
      type: "simple",
      sku: "MUG-1",
      regular_price: "12.50",
      manage_stock: true,
      stock_quantity: 8,
    });
    assert.equal(created.status, 201);
    assert.equal(created.data.sku, "MUG-1");
    assert.equal(created.data.price, "12.50");
    assert.equal(created.data.stock_quantity, 8);
    assert.equal(created.data.stock_status, "instock");

    const path = `products/${created.data.id}`;
    const changed = await shop.put(path, { regular_price: "13.00", stock_quantity: 0 });
    assert.equal(changed.status, 200);

    const read = await shop.get(path);
    assert.equal(read.data.regular_price, "13.00");
    assert.equal(read.data.stock_quantity, 0);
    assert.equal(read.data.stock_status, "outofstock");
    assert.equal(read.data.name, "Enamel mug");
  },

  async "a sku is taken once"() {
    await assert.rejects(shop.post("products", { name: "Other mug", sku: "MUG-1" }), (error) => {
      assert.equal(error.response.status, 400);
      assert.equal(error.response.data.code, "product_invalid_sku");
      return true;
    });
  },

  async "a product that is not there is not found"() {
    await assert.rejects(shop.get("products/999999"), (error) => {
      assert.equal(error.response.status, 404);
      assert.equal(error.response.data.code, "woocommerce_rest_product_invalid_id");
      return true;
    });
  },

  async "variations live under their parent"() {
    const parent = await shop.post("products", {
      name: "Shirt",
      type: "variable",
      sku: "SHIRT",
      attributes: [{ name: "Size", variation: true, visible: true, options: ["S", "M"] }],
    });
    const path = `products/${parent.data.id}/variations`;
    const small = await shop.post(path, {
      sku: "SHIRT-S",
      regular_price: "20.00",
      manage_stock: true,
      stock_quantity: 3,
      attributes: [{ name: "Size", option: "S" }],
    });
    assert.equal(small.status, 201);
    assert.equal(small.data.attributes[0].option, "S");

    const batch = await shop.post(`${path}/batch`, {
      create: [{ sku: "SHIRT-M", regular_price: "21.00", attributes: [{ name: "Size", option: "M" }] }],
      update: [{ id: small.data.id, stock_quantity: 1 }],
    });
    assert.equal(batch.data.create[0].sku, "SHIRT-M");
    assert.equal(batch.data.update[0].stock_quantity, 1);

    const all = await shop.get(path, { per_page: 100 });
    assert.deepEqual(all.data.map((one) => one.sku).sort(), ["SHIRT-M", "SHIRT-S"]);
    const read = await shop.get(`products/${parent.data.id}`);
    assert.deepEqual([...read.data.variations].sort(), all.data.map((one) => one.id).sort());
  },

  async "a batch answers row by row"() {
    const create = Array.from({ length: 25 }, (_, at) => ({
      name: `Bulk ${at}`,
      sku: `BULK-${at}`,
      regular_price: "1.00",
    }));
    create.push({ name: "Taken", sku: "MUG-1" });
    const batch = await shop.post("products/batch", { create });
    assert.equal(batch.status, 200);
    assert.equal(batch.data.create.length, 26);
    assert.ok(batch.data.create.slice(0, 25).every((row) => row.id > 0 && !row.error));
    assert.equal(batch.data.create[25].error.code, "product_invalid_sku");
  },

  async "pages end, and their headers say where"() {
    const seen = new Set();
    let pages = 1;
    for (let page = 1; page <= pages; page += 1) {
      const list = await shop.get("products", { per_page: 10, page, orderby: "id", order: "asc" });
      pages = Number(list.headers["x-wp-totalpages"]);
      assert.equal(list.headers["x-wp-total"], "27");
      for (const product of list.data) {
        assert.ok(!seen.has(product.id), "a product shows up on two pages");
        seen.add(product.id);
      }
    }
    assert.equal(pages, 3);
    assert.equal(seen.size, 27);
    const beyond = await shop.get("products", { per_page: 10, page: 4 });
    assert.deepEqual(beyond.data, []);
    const bySku = await shop.get("products", { sku: "BULK-3" });
    assert.deepEqual(bySku.data.map((one) => one.sku), ["BULK-3"]);
  },

  async "an order takes stock, and is completed with a note"() {
    const [shirt] = (await shop.get("products", { sku: "SHIRT-S" })).data;
    const order = await shop.post("orders", {
      status: "processing",
      set_paid: true,
      line_items: [{ product_id: shirt.parent_id, variation_id: shirt.id, quantity: 1 }],
    });
    assert.equal(order.status, 201);
    assert.equal(order.data.status, "processing");
    assert.equal(order.data.line_items[0].sku, "SHIRT-S");
    assert.equal(order.data.total, "20.00");
    const left = await shop.get(`products/${shirt.parent_id}/variations/${shirt.id}`);
    assert.equal(left.data.stock_quantity, 0);

    const path = `orders/${order.data.id}`;
    const note = await shop.post(`${path}/notes`, { note: "Sent with DHL", customer_note: true });
    assert.equal(note.data.customer_note, true);
    const notes = await shop.get(`${path}/notes`);
    assert.ok(notes.data.some((one) => one.note === "Sent with DHL"));

    const done = await shop.put(path, { status: "completed" });
    assert.equal(done.data.status, "completed");
    assert.notEqual(done.data.date_completed_gmt, null);
    const completed = await shop.get("orders", { status: "completed" });
    assert.deepEqual(completed.data.map((one) => one.id), [order.data.id]);
  },

  async "a deleted product is in the trash, and gone when forced"() {
    const [bulk] = (await shop.get("products", { sku: "BULK-0" })).data;
    await shop.delete(`products/${bulk.id}`);
    assert.equal((await shop.get(`products/${bulk.id}`)).data.status, "trash");
    await shop.delete(`products/${bulk.id}`, { force: true });
    await assert.rejects(shop.get(`products/${bulk.id}`), (error) => error.response.status === 404);
  },

  async "the sandbox counted what was asked of it"() {
    const state = await (await fetch(`${url}/_sandbox/state`)).json();
    assert.equal(state.requests["POST /products/batch"], 1);
    assert.equal(state.created["MUG-1"], 1);
    assert.equal(state.listings["SHIRT-S"].quantity, 0);
  },
};

async function main() {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
    } catch (error) {
      console.log(`  FAILED ${name}`);
      console.log(error.response?.data ?? "");
      throw error;
    }
    console.log(`  ok ${name}`);
  }
}

main().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
