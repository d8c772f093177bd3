"""A connector against the vendor's own specification, as Prism reads it.

Prism first answers by itself, from the specification alone: what the connector asks must be right, and it must
bear answers that the sandbox of this project never gives. Then Prism stands between the connector and the sandbox
while the main job runs, and judges the requests of the one and the answers of the other.

PRISM is Prism's program, SKUCAST ours, SKUCAST_SPECS the folder of specifications, SANDBOX the line that
`skucast sandbox` printed.
"""

import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
from collections import Counter
from contextlib import ExitStack
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from steps import SANDBOX, control, run, until

KIND = SANDBOX["kind"]
SPECS = Path(os.environ["SKUCAST_SPECS"])
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
UPSTREAM = urlsplit(SANDBOX["url"]).netloc

SKUS = [row.split(",")[0] for row in (EXAMPLES / "catalog.csv").read_text().splitlines()[1:]]

# By kind, which paths each document describes, and below which folder of the server its own paths begin.
DOCUMENTS = {
    "amazon": [
        ("/listings/2021-08-01/", "", "amazon/models/listingsItems_2021-08-01.json"),
        ("/feeds/2021-06-30/", "", "amazon/models/feeds_2021-06-30.json"),
        ("/orders/2026-01-01/", "", "amazon/models/orders_2026-01-01.json"),
        ("/orders/v0/", "", "amazon/models/ordersV0.json"),
    ],
    "woocommerce": [
        ("/wp-json/wc/v3/", "/wp-json/wc/v3", "woocommerce/openapi-wc-v3.derived.json"),
    ],
}[KIND]

# Settings that may not stand in the file, and the variables they come from.
SECRETS = {
    "client_secret": "CHECK_CLIENT_SECRET",
    "refresh_token": "CHECK_REFRESH_TOKEN",
    "consumer_key": "CHECK_CONSUMER_KEY",
    "consumer_secret": "CHECK_CONSUMER_SECRET",
}


def document(mode, path, folder):
    """The specification, put right where it is known to be wrong."""
    content = json.loads((SPECS / path).read_text())
    if KIND == "woocommerce":
        # Basic is for https; on plain http, as here, WooCommerce takes OAuth 1.0a, which OpenAPI has no word for.
        content.pop("security", None)
        for schema in objects(content):
            # WordPress's own `date-time` stands without a zone too: `..._gmt` and `dates_are_gmt` say which is meant.
            if schema.get("format") == "date-time":
                del schema["format"]
            correct(schema.get("properties", {}))
    if mode == "mock":
        # Prism answers with the vendor's examples, whose first page is followed by itself for ever.
        for schema in objects(content):
            for example in schema.get("examples", {}).values() if isinstance(schema.get("examples"), dict) else ():
                if isinstance(example, dict):
                    example.pop("pagination", None)
    copy = folder / Path(path).name
    copy.write_text(json.dumps(content))
    return copy


def objects(value):
    """Every object within, at any depth."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def correct(properties):
    """Where WooCommerce's schemas say less than WooCommerce answers."""
    # `null` when the shop does not manage the stock.
    if "stock_quantity" in properties:
        properties["stock_quantity"]["nullable"] = True
    # Empty unless the product is sold elsewhere.
    if "external_url" in properties:
        properties["external_url"].pop("format", None)
    # A search by sku finds variations too.
    if "variable" in properties.get("type", {}).get("enum", []):
        properties["type"]["enum"].append("variation")


class Prism:
    """One document, served by Prism on a port of its own."""

    def __init__(self, mode, prefix, base, path, folder):
        self.prefix, self.base = prefix, base
        self.log = folder / f"{mode}-{Path(path).stem}.log"
        command = [os.environ["PRISM"], mode, str(document(mode, path, folder))]
        if mode == "proxy":
            command.append(f"http://{UPSTREAM}{base}")
        # Prism cannot be asked to find a free port and tell it.
        self.port = free_port()
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*command, "--port", str(self.port)], stdout=log, stderr=log,
                                            env={**os.environ, "NO_COLOR": "1"})

    def wait(self):
        listening = until(lambda: "Prism is listening" in self.log.read_text() or self.process.poll() is not None,
                          bool, seconds=120)
        assert listening and self.process.poll() is None, self.log.read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Door(ThreadingHTTPServer):
    """The HTTP proxy that skucast is told to use: what a document describes goes to its Prism, the rest to the
    sandbox. A proxy, because a signed request holds the address of the shop itself."""

    daemon_threads = True

    def __init__(self, prisms):
        super().__init__(("127.0.0.1", 0), Passage)
        self.prisms = prisms
        self.seen = Counter()
        self.violations = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def prism(self, path):
        return next((prism for prism in self.prisms if path.startswith(prism.prefix)), None)


class Passage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self):
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        prism = self.server.prism(target.path)
        host = f"127.0.0.1:{prism.port}" if prism else UPSTREAM
        path = target.path.removeprefix(prism.base) if prism else target.path
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("connection", "proxy-connection", "accept-encoding")}
        onward = http.client.HTTPConnection(host, timeout=60)
        onward.request(self.command, path + (f"?{target.query}" if target.query else ""), body, headers)
        answer = onward.getresponse()
        content = answer.read()
        if prism:
            operation = f"{self.command} {shape(path)}"
            self.server.seen[operation] += 1
            self.server.violations += [f"{operation} ({answer.status}): {violation}"
                                       for violation in violations(answer.getheader("sl-violations", "[]"))]
            if b"stoplight.io/prism/errors" in content:
                # Without a sandbox behind it, Prism has nobody to pass on what it cannot answer.
                self.server.violations.append(f"{operation} ({answer.status}): {content.decode()}")
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "keep-alive",
                                    "sl-violations", "date", "server"):
                self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one

    def log_message(self, *_):
        """Keeps the terminal clean."""


def violations(header):
    try:
        return [f"{'.'.join(one['location'])}: {one['message']}" for one in json.loads(header)]
    except ValueError:
        # Prism writes a sentence instead of a list that is too long for a header.
        return [header]


def shape(path):
    """A path with what varies left out."""
    for pattern, name in [(r"/items/[^/]+/[^/]+", "/items/{seller}/{sku}"), (r"/items/[^/{]+$", "/items/{seller}"),
                          (r"/documents/[^/]+", "/documents/{id}"), (r"/feeds/[^/]+$", "/feeds/{id}"),
                          (r"/orders/[^/]+/shipment", "/orders/{id}/shipment"), (r"/\d+(?=/|$)", "/{id}")]:
        path = re.sub(pattern, name, path)
    return path


class Bench:
    """A shop's folder with one channel, and the way through Prism."""

    def __init__(self, mode):
        self.mode = mode
        self.cleanup = ExitStack()

    def __enter__(self):
        try:
            return self.set_up()
        except BaseException:
            self.cleanup.close()
            raise

    def __exit__(self, *_):
        self.cleanup.close()

    def set_up(self):
        self.folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory()))
        for name in ("catalog.csv", "stock.csv"):
            self.write(name, (EXAMPLES / name).read_text())
        given = SANDBOX["settings"] | ({"product_type": "HOME"} if KIND == "amazon" else {})
        settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in given.items()
                             if key not in SECRETS)
        secrets = "\n".join(f'{key} = "env:{name}"' for key, name in SECRETS.items() if key in SANDBOX["settings"])
        self.write("channels.toml", f"""
[catalog]
file = "catalog.csv"
currency = "EUR"
[stock]
file = "stock.csv"
[push]
wait = "30s"
[channels.there]
kind = "{KIND}"
absent = "end"
[channels.there.settings]
{settings}
{secrets}
""")
        prisms = [Prism(self.mode, *one, self.folder) for one in DOCUMENTS]
        for prism in prisms:
            self.cleanup.callback(prism.stop)
        for prism in prisms:
            prism.wait()
        self.door = Door(prisms)
        self.cleanup.callback(self.door.shutdown)
        return self

    def skucast(self, *arguments, code=0):
        """Runs it and returns its JSON document."""
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment |= {name: SANDBOX["settings"].get(key, "") for key, name in SECRETS.items()}
        environment["http_proxy"] = f"http://127.0.0.1:{self.door.server_port}"
        done = subprocess.run([os.environ["SKUCAST"], *arguments, "--json", "--config", "channels.toml"],
                              cwd=self.folder, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def sync(self):
        [channel] = self.skucast("sync")["channels"]
        assert channel["ok"], channel
        return channel

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def edit(self, name, change):
        """Changes the rows of a file; those that become `None` are taken out."""
        rows = (self.folder / name).read_text().splitlines()
        self.write(name, "\n".join(row for row in map(change, rows) if row is not None) + "\n")

    def judge(self, *expected):
        """What Prism found wrong fails, and so does a request that was expected and never came by."""
        seen = sorted(self.door.seen.items())
        print(f"    {self.door.seen.total()} exchanges judged: " + ", ".join(f"{one} {count}" for one, count in seen))
        missing = set(expected) - set(self.door.seen)
        assert not missing, f"never asked: {sorted(missing)}"
        assert not self.door.violations, "\n".join(f"{count} times {line}" for line, count
                                                   in Counter(self.door.violations).most_common(40))

    def complains(self, path):
        """Whether Prism finds fault with this request: a judge that never does proves nothing."""
        asked = http.client.HTTPConnection("127.0.0.1", self.door.server_port, timeout=60)
        asked.request("GET", f"http://{UPSTREAM}{path}")
        asked.getresponse().read()
        found = bool(self.door.violations)
        self.door.violations.clear()
        self.door.seen.clear()
        return found


def alone():
    "Prism alone finds no fault with what it is asked, and its answers are borne"
    with Bench("mock") as bench:
        assert all(map(bench.complains, WRONG)), "Prism lets everything pass"
        [checked] = bench.skucast("channels", "check")["channels"]
        assert checked["ok"], checked
        # Without examples Prism makes up a WooCommerce order whose amounts are the word `string`.
        [pulled] = bench.skucast("pull", code=0 if KIND == "amazon" else 3)["channels"]
        assert pulled["ok"], pulled
        if KIND == "amazon":
            # The example in Amazon's own model.
            assert pulled["orders"]["new"] == 1 and not pulled["issues"], pulled
            assert bench.skucast("orders", "list")["orders"][0]["lines"], "the order has no lines"
        else:
            assert [issue["code"] for issue in pulled["issues"]] == ["unreadable_order"], pulled
        [planned] = bench.skucast("plan")["channels"]
        assert planned["changes"]["create"] == len(SKUS) and planned["error"] is None, planned
        bench.judge(*ASKED["alone"])


def between():
    "Prism finds no fault with the main job, nor with the sandbox's answers"
    with Bench("proxy") as bench:
        assert all(map(bench.complains, WRONG)), "Prism lets everything pass"
        first = bench.sync()
        assert (first["applied"], first["issues"]) == (len(SKUS), []), first
        state = control("state")
        assert {sku: state["created"].get(sku) for sku in SKUS} == dict.fromkeys(SKUS, 1), state["created"]

        bought = control("orders", {"lines": [{"sku": "COMPASS", "quantity": 2}]})
        second = bench.sync()
        assert second["orders"]["new"] == 1, second
        bench.write("shipments.csv", f"order,carrier,tracking\n{bought['order_id']},DHL,00340434\n")
        bench.skucast("ship", "shipments.csv")
        assert "00340434" in json.dumps(control("state")["shipments"]), control("state")["shipments"]

        bench.edit("stock.csv", lambda row: re.sub(r"^(LAMP-400,\w+),\d+", r"\1,0", row))
        bench.edit("catalog.csv", lambda row: row.replace(",9.90,", ",10.90,", 1) if row.startswith("MUG-") else row)
        bench.edit("catalog.csv", lambda row: None if row.startswith("KNIFE-8,") else row)
        bench.sync()
        shelf = control("state")["listings"]
        assert shelf["LAMP-400"]["quantity"] == 0, shelf["LAMP-400"]
        assert Decimal(shelf["MUG-ENAMEL"]["price"]["amount"]) == Decimal("10.90"), shelf["MUG-ENAMEL"]
        assert not shelf.get("KNIFE-8", {}).get("live"), shelf["KNIFE-8"]

        last = bench.sync()
        assert (last["applied"], last["accepted"], last["left"]) == (0, 0, 0), last
        bench.judge(*ASKED["between"])


# Requests that the specification forbids, or does not know.
WRONG = {
    "amazon": ["/listings/2021-08-01/items/SELLER?marketplaceIds=A1PA6795UKMFR9&pageSize=1000",
               "/listings/2021-08-01/nothing/of/the/kind"],
    "woocommerce": ["/wp-json/wc/v3/products?per_page=1000", "/wp-json/wc/v3/nothing"],
}[KIND]

# What must have come by, so that the judge had something to judge.
ASKED = {
    "amazon": {
        "alone": ["GET /listings/2021-08-01/items/{seller}", "GET /orders/2026-01-01/orders"],
        "between": [
            "GET /listings/2021-08-01/items/{seller}",
            "PATCH /listings/2021-08-01/items/{seller}/{sku}",
            "DELETE /listings/2021-08-01/items/{seller}/{sku}",
            "POST /feeds/2021-06-30/documents",
            "POST /feeds/2021-06-30/feeds",
            "GET /feeds/2021-06-30/feeds/{id}",
            "GET /feeds/2021-06-30/documents/{id}",
            "GET /orders/2026-01-01/orders",
            "POST /orders/v0/orders/{id}/shipmentConfirmation",
        ],
    },
    "woocommerce": {
        "alone": ["GET /products", "GET /orders"],
        "between": [
            "GET /products",
            "POST /products/batch",
            "POST /products/{id}/variations/batch",
            "GET /products/categories",
            "POST /products/categories",
            "GET /orders",
            "PUT /orders/{id}",
            "POST /orders/{id}/notes",
        ],
    },
}[KIND]

run(alone, between)
