// What an empty Medusa needs to sell: a key, a currency, a region with its tax, a way to pay, a shipping profile.
// Prints where the server is and how to reach it, as JSON. Sales channels and stock locations are each test's own.
const url = process.env.LIVE_URL;
const email = "live@example.com"; // as `start.sh` makes it
const password = process.env.LIVE_PASSWORD;

async function call(method, path, headers, body) {
  const response = await fetch(url + path, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

async function main() {
  const { token } = await call("POST", "/auth/user/emailpass", {}, { email, password });
  const session = { authorization: `Bearer ${token}` };
  const { api_key } = await call("POST", "/admin/api-keys", session, { title: "tests", type: "secret" });
  const basic = { authorization: `Basic ${Buffer.from(`${api_key.token}:`).toString("base64")}` };
  const get = (path) => call("GET", `/admin/${path}`, basic);
  const post = (path, body) => call("POST", `/admin/${path}`, basic, body);

  const { stores } = await get("stores");
  await post(`stores/${stores[0].id}`, {
    supported_currencies: [{ currency_code: "eur", is_default: true }, { currency_code: "usd" }],
  });
  const { region } = await post("regions", {
    name: "Germany",
    currency_code: "eur",
    countries: ["de"],
    payment_providers: ["pp_system_default"],
  });
  await post("tax-regions", {
    country_code: "de",
    provider_id: "tp_system",
    default_tax_rate: { name: "VAT", code: "vat19", rate: 19 },
  });
  const { shipping_profiles } = await get("shipping-profiles?type=default");
  const profile = shipping_profiles[0]
    ?? (await post("shipping-profiles", { name: "Default", type: "default" })).shipping_profile;
  const server = { url, email, password, api_key: api_key.token, region: region.id, shipping_profile: profile.id };
  console.log(JSON.stringify(server));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
