"""Sends new prices and stocks to a WooCommerce shop, over the vendor's own client library.

python push_woocommerce.py URL CHANGES.csv single|batch
"""

import csv
import sys

from woocommerce import API

# The most that the shop takes.
AT_ONCE = 100

url, file, way = sys.argv[1:]
shop = API(
    url=url,
    consumer_key="a-key-of-nobody",
    consumer_secret="a-key-of-nobody",
    version="wc/v3",
    timeout=60,
)

# Variations belong to a product: the shop takes those of one product at a time.
lists = {}
with open(file, newline="", encoding="utf-8") as rows:
    for row in csv.DictReader(rows):
        product, variation = row["product"], row["variation"]
        path = f"products/{product}/variations" if variation else "products"
        lists.setdefault(path, []).append(
            {
                "id": int(variation or product),
                "regular_price": row["price"],
                "manage_stock": True,
                "stock_quantity": int(row["quantity"]),
            }
        )

for path, products in lists.items():
    if way == "single":
        for product in products:
            answer = shop.put(f"{path}/{product['id']}", product)
            answer.raise_for_status()
        continue
    for first in range(0, len(products), AT_ONCE):
        answer = shop.post(f"{path}/batch", {"update": products[first : first + AT_ONCE]})
        answer.raise_for_status()
        # An answer that says yes may say no to single rows.
        for row in answer.json()["update"]:
            if "error" in row:
                sys.exit(f"{row['id']}: {row['error']['message']}")
