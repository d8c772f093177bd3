//! The routes of products, variations and terms.

use serde_json::{Map, Value, json};

use super::catalog::{Catalog, Taxonomy, Term};
use super::product::{Product, text_of, validate};
use super::render::{self, View};
use super::wire::{Call, Paging, WpError, WpResult, choice, date_parameter, only_fields};
use crate::sandbox::{Fault, Faults, Response};

/// Rows of one batch call, over its three lists.
const MOST_ROWS: usize = 100;

pub struct Products<'a> {
    pub catalog: &'a mut Catalog,
    pub faults: &'a mut Faults,
}

fn invalid_id(status: u16) -> WpError {
    WpError::new(status, "woocommerce_rest_product_invalid_id", "Invalid ID.")
}

fn view<'a>(call: &'a Call<'_>) -> View<'a> {
    View {
        edit: call.is_edit(),
        base_url: &call.request.base_url,
        now: call.now,
    }
}

impl Products<'_> {
    /// `path` is what follows `/products`.
    pub fn respond(&mut self, call: &Call<'_>, path: &[&str]) -> WpResult<Response> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| WpError::no_route());
        match (call.method.as_str(), path) {
            ("GET", []) => self.list(call, None),
            ("POST", []) => self.create(call, 0),
            ("POST" | "PUT" | "PATCH", ["batch"]) => self.batch(call, 0),
            (_, ["categories", rest @ ..]) => self.terms(call, Taxonomy::Category, rest),
            (_, ["tags", rest @ ..]) => self.terms(call, Taxonomy::Tag, rest),
            (_, ["brands", rest @ ..]) => self.terms(call, Taxonomy::Brand, rest),
            ("GET", [id, "variations"]) => self.list(call, Some(number(id)?)),
            ("POST", [id, "variations"]) => {
                let parent = number(id)?;
                self.parent(parent)?;
                self.create(call, parent)
            }
            ("POST" | "PUT" | "PATCH", [id, "variations", "batch"]) => {
                self.batch(call, number(id)?)
            }
            (_, [parent, "variations", id]) => self.one(call, number(parent)?, number(id)?),
            (_, [id]) => self.one(call, 0, number(id)?),
            _ => Err(WpError::no_route()),
        }
    }

    fn parent(&self, id: u64) -> WpResult<&Product> {
        let known = self.catalog.products.get(&id);
        known
            .filter(|product| !product.is_variation())
            .ok_or_else(|| {
                WpError::new(
                    404,
                    "woocommerce_rest_product_variation_invalid_parent",
                    "Parent product does not exist.",
                )
            })
    }

    fn one(&mut self, call: &Call<'_>, parent: u64, id: u64) -> WpResult<Response> {
        let known = self.catalog.products.get(&id);
        // A variation can be read as a product, and not written.
        let fits = |product: &&Product| {
            product.parent_id == parent || (parent == 0 && call.method == "GET")
        };
        let writes = matches!(call.method.as_str(), "PUT" | "PATCH" | "POST");
        if !writes && !matches!(call.method.as_str(), "GET" | "DELETE") {
            return Err(WpError::no_route());
        }
        let status = if writes { 400 } else { 404 };
        let product = match known {
            None => return Err(invalid_id(status)),
            Some(product) => Some(product).filter(fits).ok_or_else(|| foreign(parent))?,
        };
        match call.method.as_str() {
            "GET" => {}
            "DELETE" => return self.delete(call, id),
            _ => {
                validate(&call.body, product.is_variation())?;
                self.refused(&call.body, Some(id))?;
                let base_url = &call.request.base_url;
                self.catalog.update(id, &call.body, base_url, call.now)?;
            }
        }
        let document = render::product(self.catalog, &self.catalog.products[&id], view(call));
        Ok(Response::json(200, &only_fields(document, call, true)))
    }

    fn create(&mut self, call: &Call<'_>, parent: u64) -> WpResult<Response> {
        validate(&call.body, parent > 0)?;
        self.refused(&call.body, None)?;
        let base_url = &call.request.base_url;
        let id = self
            .catalog
            .create(parent, &call.body, base_url, call.now)?;
        let document = render::product(self.catalog, &self.catalog.products[&id], view(call));
        Ok(Response::json(201, &only_fields(document, call, true)))
    }

    /// Without `force` into the trash, and the answer still shows the status from before.
    fn delete(&mut self, call: &Call<'_>, id: u64) -> WpResult<Response> {
        let product = &self.catalog.products[&id];
        let document = render::product(self.catalog, product, view(call));
        if call.flag("force") {
            self.catalog.delete(id);
        } else if product.is_variation() {
            // Variations have no trash of their own.
            self.catalog.delete(id);
        } else if product.status == "trash" {
            return Err(WpError::new(
                410,
                "woocommerce_rest_already_trashed",
                "The product has already been deleted.",
            ));
        } else {
            self.catalog.trash(id, call.now);
        }
        Ok(Response::json(200, &only_fields(document, call, true)))
    }

    /// A sku that the test wants refused, sent or stored.
    fn refused(&self, fields: &Map<String, Value>, id: Option<u64>) -> WpResult<()> {
        let sent = fields.get("sku").map(text_of);
        let stored = id
            .and_then(|id| self.catalog.products.get(&id))
            .map(|product| product.sku.clone());
        match [sent, stored]
            .into_iter()
            .flatten()
            .find(|sku| self.faults.refuses(sku))
        {
            Some(sku) => Err(WpError::parameter(
                "sku",
                "rest_invalid_param",
                format!("{sku} is not accepted by this shop."),
            )),
            None => Ok(()),
        }
    }

    /// Rows go create, update, delete, each with its own result, and unchecked against the schema.
    fn batch(&mut self, call: &Call<'_>, parent: u64) -> WpResult<Response> {
        let rows = |name: &str| call.body.get(name).and_then(Value::as_array);
        let count: usize = ["create", "update", "delete"]
            .into_iter()
            .filter_map(rows)
            .map(Vec::len)
            .sum();
        if count > MOST_ROWS {
            return Err(WpError::new(
                413,
                "woocommerce_rest_request_entity_too_large",
                format!("Unable to accept more than {MOST_ROWS} items for this request."),
            ));
        }
        let view = View {
            edit: true,
            ..view(call)
        };
        let empty = Map::new();
        let mut answer = Map::new();
        for name in ["create", "update", "delete"] {
            let Some(rows) = rows(name).filter(|rows| !rows.is_empty()) else {
                continue;
            };
            let results = rows.iter().map(|row| {
                let fields = row.as_object().unwrap_or(&empty);
                let id = match name {
                    "create" => json!(0),
                    "update" => fields.get("id").cloned().unwrap_or(Value::Null),
                    _ => fields.get("id").unwrap_or(row).clone(),
                };
                let done = match name {
                    "create" => self.create_row(call, parent, fields),
                    "update" => self.update_row(call, parent, fields),
                    _ => return self.delete_row(parent, id, view),
                };
                match done {
                    Ok(id) => render::product(self.catalog, &self.catalog.products[&id], view),
                    Err(error) => json!({"id": id, "error": error.body()}),
                }
            });
            answer.insert(name.to_owned(), results.collect());
        }
        let body = match answer.is_empty() {
            true => json!([]),
            false => Value::Object(answer),
        };
        Ok(Response::json(200, &body))
    }

    /// A row that the shop breaks over, without having begun.
    fn broken_row(&mut self) -> WpResult<()> {
        match self.faults.strikes(Fault::PartialBatch, true) {
            true => Err(WpError::new(
                500,
                "internal_server_error",
                "There has been a critical error on this website.",
            )),
            false => Ok(()),
        }
    }

    fn create_row(
        &mut self,
        call: &Call<'_>,
        parent: u64,
        fields: &Map<String, Value>,
    ) -> WpResult<u64> {
        self.broken_row()?;
        self.refused(fields, None)?;
        if parent > 0 {
            self.parent(parent)?;
        }
        let base_url = &call.request.base_url;
        self.catalog.create(parent, fields, base_url, call.now)
    }

    fn update_row(
        &mut self,
        call: &Call<'_>,
        parent: u64,
        fields: &Map<String, Value>,
    ) -> WpResult<u64> {
        self.broken_row()?;
        let id = fields.get("id").and_then(Value::as_u64).unwrap_or(0);
        match self.catalog.products.get(&id) {
            None => return Err(invalid_id(400)),
            Some(product) if product.parent_id != parent => return Err(foreign(parent)),
            Some(_) => {}
        }
        self.refused(fields, Some(id))?;
        let base_url = &call.request.base_url;
        self.catalog.update(id, fields, base_url, call.now)?;
        Ok(id)
    }

    /// A batch deletes for good.
    fn delete_row(&mut self, parent: u64, id: Value, view: View<'_>) -> Value {
        let number = id.as_u64().unwrap_or(0);
        let error = match self.catalog.products.get(&number) {
            None => invalid_id(404),
            Some(product) if product.parent_id != parent => foreign(parent),
            Some(product) => {
                let document = render::product(self.catalog, product, view);
                self.catalog.delete(number);
                return document;
            }
        };
        json!({"id": id, "error": error.body()})
    }

    fn list(&mut self, call: &Call<'_>, parent: Option<u64>) -> WpResult<Response> {
        let paging = Paging::parse(call)?;
        let status = choice(
            call,
            "status",
            &[
                "any", "future", "trash", "draft", "pending", "private", "publish",
            ],
            "any",
        )?;
        let order = choice(call, "order", &["asc", "desc"], "desc")?;
        let orderby = choice(
            call,
            "orderby",
            &[
                "date",
                "id",
                "include",
                "title",
                "slug",
                "modified",
                "menu_order",
                "price",
                "popularity",
                "rating",
            ],
            "date",
        )?;
        let kind = choice(
            call,
            "type",
            &["simple", "grouped", "external", "variable"],
            "",
        )?;
        let (after, before) = (
            date_parameter(call, "after")?,
            date_parameter(call, "before")?,
        );
        let modified_after = date_parameter(call, "modified_after")?;
        let modified_before = date_parameter(call, "modified_before")?;
        let ids = |name: &str| -> Vec<u64> {
            let list = call.list(name);
            list.iter().filter_map(|id| id.parse().ok()).collect()
        };
        let (include, exclude) = (ids("include"), ids("exclude"));
        let skus: Vec<String> = match call.query.get("sku").map(String::as_str) {
            None | Some("") => Vec::new(),
            // The whole text is tried as a sku of its own as well.
            Some(text) => text
                .split(',')
                .chain([text])
                .map(str::to_lowercase)
                .collect(),
        };
        let search = call.query.get("search").map(|text| text.to_lowercase());
        let category = ids("category");
        let catalog = &*self.catalog;
        // Few skus out of many products are looked up, not filtered.
        let candidates: Vec<&Product> = match (parent, skus.is_empty()) {
            (Some(parent), _) => catalog.variations_of(parent).collect(),
            (None, false) => {
                let mut found: Vec<_> = skus.iter().filter_map(|sku| catalog.by_sku(sku)).collect();
                found.sort_by_key(|product| product.id);
                found.dedup_by_key(|product| product.id);
                found
            }
            // Variations are only listed when their sku is asked for.
            (None, true) => {
                let products = catalog.products.values();
                products.filter(|product| !product.is_variation()).collect()
            }
        };
        let mut matches: Vec<&Product> = candidates
            .into_iter()
            .filter(|product| match status {
                "any" => product.status != "trash" && product.status != "auto-draft",
                status => product.status == status,
            })
            .filter(|product| kind.is_empty() || product.kind == kind)
            .filter(|product| include.is_empty() || include.contains(&product.id))
            .filter(|product| !include.is_empty() || !exclude.contains(&product.id))
            .filter(|product| skus.is_empty() || skus.contains(&product.sku.to_lowercase()))
            .filter(|product| {
                search
                    .as_ref()
                    .is_none_or(|text| product.name.to_lowercase().contains(text))
            })
            .filter(|product| {
                category.is_empty() || category.iter().any(|id| product.categories.contains(id))
            })
            .filter(|product| {
                let (created, modified) =
                    (product.created.as_second(), product.modified.as_second());
                after.is_none_or(|after| created > after)
                    && before.is_none_or(|before| created < before)
                    && modified_after.is_none_or(|after| modified > after)
                    && modified_before.is_none_or(|before| modified < before)
            })
            .collect();
        matches.sort_by(|one, other| {
            let by = match orderby {
                "id" => one.id.cmp(&other.id),
                "modified" => one.modified.cmp(&other.modified),
                "title" | "slug" => one.name.cmp(&other.name),
                "price" => one.amount(call.now).cmp(&other.amount(call.now)),
                _ => one.created.cmp(&other.created),
            };
            by.then(one.id.cmp(&other.id))
        });
        if order == "desc" {
            matches.reverse();
        }
        let repeat = self.faults.strikes(Fault::RepeatedPage, false);
        Ok(paging.answer(call, matches, repeat, |product| {
            render::product(catalog, product, view(call))
        }))
    }

    fn terms(&mut self, call: &Call<'_>, taxonomy: Taxonomy, path: &[&str]) -> WpResult<Response> {
        let missing = || {
            WpError::new(
                404,
                "woocommerce_rest_term_invalid",
                "Resource does not exist.",
            )
        };
        let body_text = |name: &str| call.body.get(name).map(text_of);
        match (call.method.as_str(), path) {
            ("GET", []) => {
                let paging = Paging::parse(call)?;
                let search = call.query.get("search").map(|text| text.to_lowercase());
                let parent: Option<u64> =
                    call.query.get("parent").and_then(|text| text.parse().ok());
                let slug = call.query.get("slug");
                let include: Option<Vec<u64>> = call.query.get("include").map(|text| {
                    text.split(',')
                        .filter_map(|id| id.trim().parse().ok())
                        .collect()
                });
                let catalog = &*self.catalog;
                let mut terms: Vec<&Term> = catalog
                    .terms
                    .values()
                    .filter(|term| term.taxonomy == taxonomy)
                    .filter(|term| parent.is_none_or(|parent| term.parent == parent))
                    .filter(|term| slug.is_none_or(|slug| term.slug == *slug))
                    .filter(|term| include.as_ref().is_none_or(|ids| ids.contains(&term.id)))
                    .filter(|term| {
                        search
                            .as_ref()
                            .is_none_or(|text| term.name.to_lowercase().contains(text))
                    })
                    .collect();
                match choice(
                    call,
                    "orderby",
                    &[
                        "id",
                        "include",
                        "name",
                        "slug",
                        "term_group",
                        "description",
                        "count",
                    ],
                    "name",
                )? {
                    "id" => terms.sort_by_key(|term| term.id),
                    _ => terms.sort_by_key(|term| term.name.to_lowercase()),
                }
                if choice(call, "order", &["asc", "desc"], "asc")? == "desc" {
                    terms.reverse();
                }
                Ok(paging.answer(call, terms, false, |term| {
                    render::term(catalog, term, view(call))
                }))
            }
            ("POST", []) => {
                let Some(name) = body_text("name").filter(|name| !name.is_empty()) else {
                    return Err(WpError::new(
                        400,
                        "rest_missing_callback_param",
                        "Missing parameter(s): name",
                    )
                    .with("params", json!(["name"])));
                };
                let parent = call.body.get("parent").and_then(Value::as_u64).unwrap_or(0);
                if parent > 0 && !self.catalog.terms.contains_key(&parent) {
                    return Err(missing());
                }
                let id = self.catalog.create_term(
                    taxonomy,
                    &name,
                    parent,
                    &body_text("slug").unwrap_or_default(),
                    &body_text("description").unwrap_or_default(),
                )?;
                let document = render::term(self.catalog, &self.catalog.terms[&id], view(call));
                Ok(Response::json(201, &document))
            }
            (method, [id]) => {
                let id: u64 = id.parse().map_err(|_| WpError::no_route())?;
                let known = self.catalog.terms.get(&id);
                let term = known
                    .filter(|term| term.taxonomy == taxonomy)
                    .ok_or_else(missing)?;
                let document = render::term(self.catalog, term, view(call));
                match method {
                    "GET" => Ok(Response::json(200, &only_fields(document, call, true))),
                    "DELETE" if call.flag("force") => {
                        self.catalog.terms.remove(&id);
                        Ok(Response::json(200, &document))
                    }
                    "DELETE" => Err(WpError::new(
                        501,
                        "woocommerce_rest_trash_not_supported",
                        "Resource does not support trashing.",
                    )),
                    _ => Err(WpError::no_route()),
                }
            }
            _ => Err(WpError::no_route()),
        }
    }
}

/// A variation addressed as a product, or below the wrong parent.
fn foreign(parent: u64) -> WpError {
    match parent {
        0 => WpError::new(
            404,
            "woocommerce_rest_invalid_product_id",
            "To manipulate product variations you should use the /products/<product_id>/variations/<id> endpoint.",
        ),
        _ => WpError::new(
            404,
            "woocommerce_rest_product_variation_invalid_id",
            "Invalid ID.",
        ),
    }
}
