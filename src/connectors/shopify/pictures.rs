//! Pictures, uploaded once. Shopify fetches each address and keeps its own copy under another one, so the product
//! remembers which addresses its pictures came from. Pure.

use serde_json::{Map, Value, json};

use super::shop::{NAMESPACE, PICTURES_KEY};
use super::wire::{Album, Media, Product};
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::Listing;

/// A metafield may hold 128 KiB of JSON; a larger album is not remembered.
const LONGEST_ALBUM: usize = 120_000;

impl Album {
    pub fn read(product: &Product) -> Option<Self> {
        serde_json::from_str(&product.pictures.as_ref()?.value).ok()
    }

    /// Takes over what a row states. A row without pictures says nothing about them.
    pub fn take(&mut self, listing: &Listing) {
        match (listing.kind, listing.images.first()) {
            (_, None) => {}
            // A variant shows one picture.
            (ItemKind::Variant, Some(first)) => {
                self.of.insert(listing.sku.to_string(), first.clone());
            }
            (_, Some(_)) => self.own.clone_from(&listing.images),
        }
    }

    pub fn of_variant(&self, sku: &Sku) -> Option<&String> {
        self.of.get(sku.as_str())
    }

    /// Every address once: the product's own first, then those that only variants have.
    pub fn sources(&self) -> Vec<&str> {
        let mut sources: Vec<&str> = Vec::new();
        for source in self.own.iter().chain(self.of.values()) {
            if !sources.contains(&source.as_str()) {
                sources.push(source);
            }
        }
        sources
    }

    /// The metafield's key, type and text; `None` when it would not fit.
    pub fn metafield(&self) -> Option<Map<String, Value>> {
        let text = serde_json::to_string(self).ok()?;
        (text.len() <= LONGEST_ALBUM).then(|| {
            let fields =
                json!({"namespace": NAMESPACE, "key": PICTURES_KEY, "type": "json", "value": text});
            fields.as_object().cloned().unwrap_or_default()
        })
    }
}

/// What is to be sent of a product's pictures.
#[derive(Debug, Default, PartialEq)]
pub struct Gallery {
    pub album: Album,
    /// `input.files`.
    pub files: Vec<Value>,
}

impl Gallery {
    /// Of a product that is new.
    pub fn new(album: Album) -> Self {
        Self {
            files: album.sources().into_iter().map(fetched).collect(),
            album,
        }
    }

    /// Of a product that is live: what `rows` state, over what it remembers. `None` when nothing changes. `kept` are
    /// media of variants that are not among the rows.
    pub fn change<'a>(
        live: &Product,
        rows: impl Iterator<Item = &'a Listing>,
        kept: &[&str],
    ) -> Option<Self> {
        let remembered = Album::read(live);
        let mut album = remembered.clone().unwrap_or_default();
        rows.for_each(|listing| album.take(listing));
        let known = Known::of(live, remembered.as_ref());
        let is_shown = match &remembered {
            Some(before) => *before == album,
            // Taken over from the shop: its own addresses, as an export of it names them.
            None => known.is_shown(&album),
        };
        if is_shown {
            return None;
        }
        let mut ids: Vec<&str> = Vec::new();
        let mut files: Vec<Value> = Vec::new();
        for source in album.sources() {
            match known.id(source) {
                Some(id) => {
                    ids.push(id);
                    files.push(json!({"id": id}));
                }
                None => files.push(fetched(source)),
            }
        }
        // Films and models are not the catalog's, and stay.
        let others = live.media.nodes.iter().filter(|media| !is_picture(media));
        for id in others
            .map(|media| media.id.as_str())
            .chain(kept.iter().copied())
        {
            if !ids.contains(&id) {
                ids.push(id);
                files.push(json!({"id": id}));
            }
        }
        Some(Self { album, files })
    }

    /// A variant's picture as `ProductVariantSetInput.file` takes it: the same entry as in `files`.
    pub fn file_of(&self, sku: &Sku) -> Option<&Value> {
        let source = self.album.of_variant(sku)?;
        let at = self.album.sources().iter().position(|one| one == source)?;
        self.files.get(at)
    }
}

fn fetched(source: &str) -> Value {
    json!({"originalSource": source, "contentType": "IMAGE"})
}

fn is_picture(media: &Media) -> bool {
    media.media_content_type.is_empty() || media.media_content_type == "IMAGE"
}

/// An address without what is behind the question mark: Shopify's carry a version there.
pub fn bare(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// Which of the product's media came from which address.
struct Known<'a> {
    by_source: Vec<(&'a str, &'a str)>,
    by_url: Vec<(&'a str, &'a str)>,
}

impl<'a> Known<'a> {
    fn of(live: &'a Product, remembered: Option<&'a Album>) -> Self {
        let pictures: Vec<_> = live
            .media
            .nodes
            .iter()
            .filter(|one| is_picture(one))
            .collect();
        let sources = remembered.map(Album::sources).unwrap_or_default();
        // They stand in the order in which they were sent. Where some are gone, nobody knows which.
        let by_source = if pictures.len() >= sources.len() {
            sources
                .into_iter()
                .zip(pictures.iter().map(|media| media.id.as_str()))
                .collect()
        } else {
            Vec::new()
        };
        let by_url = pictures
            .iter()
            .filter_map(|media| Some((bare(media.url()?), media.id.as_str())))
            .collect();
        Self { by_source, by_url }
    }

    fn id(&self, source: &str) -> Option<&'a str> {
        let find = |list: &[(&'a str, &'a str)], wanted: &str| {
            list.iter()
                .find(|(one, _)| *one == wanted)
                .map(|(_, id)| *id)
        };
        find(&self.by_source, source).or_else(|| find(&self.by_url, bare(source)))
    }

    /// The shop's pictures are these, in this order.
    fn is_shown(&self, album: &Album) -> bool {
        let own = album.own.iter().map(|source| bare(source));
        let is_start = own
            .zip(&self.by_url)
            .all(|(source, (url, _))| source == *url);
        is_start
            && (album.own.is_empty() || album.own.len() == self.by_url.len())
            && album
                .sources()
                .into_iter()
                .all(|source| self.id(source).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::shopify::fixtures::{parent, variant};
    use crate::connectors::shopify::wire::Text;

    fn live(album: Option<&Album>, media: &[(&str, &str, &str)]) -> Product {
        let media: Vec<Value> = media
            .iter()
            .map(|(id, kind, url)| json!({"id": id, "mediaContentType": kind, "image": {"url": url}}))
            .collect();
        Product {
            pictures: album.map(|album| Text {
                value: serde_json::to_string(album).unwrap(),
            }),
            media: serde_json::from_value(json!({"nodes": media})).unwrap(),
            ..Product::default()
        }
    }

    fn with_images(mut listing: Listing, images: &[&str]) -> Listing {
        listing.images = images.iter().map(|image| image.to_string()).collect();
        listing
    }

    #[test]
    fn a_new_product_gets_each_picture_once_and_a_variant_one_of_them() {
        let mut album = Album::default();
        album.take(&with_images(parent("TEE", &["S"]), &["a", "b"]));
        album.take(&with_images(variant("TEE-S", "TEE", "S"), &["b", "c"]));
        album.take(&with_images(variant("TEE-M", "TEE", "M"), &["m"]));
        album.take(&variant("TEE-L", "TEE", "L"));
        let gallery = Gallery::new(album);
        assert_eq!(gallery.album.sources(), ["a", "b", "m"]);
        assert_eq!(
            gallery.file_of(&"TEE-S".into()).unwrap()["originalSource"],
            "b"
        );
        assert_eq!(gallery.file_of(&"TEE-L".into()), None);
    }

    #[test]
    fn what_is_there_is_not_uploaded_again() {
        let album = Album {
            own: vec!["a".into(), "b".into()],
            of: [("TEE-S".to_owned(), "s".to_owned())].into(),
        };
        let media = [
            ("1", "IMAGE", "https://cdn/1"),
            ("2", "IMAGE", "https://cdn/2"),
            ("3", "IMAGE", "https://cdn/3"),
            ("9", "VIDEO", "https://cdn/9"),
        ];
        let live = live(Some(&album), &media);
        let same = with_images(parent("TEE", &["S"]), &["a", "b"]);
        assert_eq!(Gallery::change(&live, [&same].into_iter(), &[]), None);
        let other = with_images(parent("TEE", &["S"]), &["b", "n"]);
        let gallery = Gallery::change(&live, [&other].into_iter(), &["3"]).unwrap();
        assert_eq!(
            gallery.files,
            [
                json!({"id": "2"}),
                fetched("n"),
                json!({"id": "3"}),
                json!({"id": "9"})
            ]
        );
    }

    #[test]
    fn pictures_that_an_export_of_the_shop_names_are_its_own() {
        let media = [
            ("1", "IMAGE", "https://cdn/1.jpg?v=1"),
            ("2", "IMAGE", "https://cdn/2.jpg?v=1"),
        ];
        let live = live(None, &media);
        let same = with_images(
            parent("TEE", &["S"]),
            &["https://cdn/1.jpg?v=7", "https://cdn/2.jpg"],
        );
        assert_eq!(Gallery::change(&live, [&same].into_iter(), &[]), None);
        let turned = with_images(
            parent("TEE", &["S"]),
            &["https://cdn/2.jpg", "https://cdn/1.jpg"],
        );
        let gallery = Gallery::change(&live, [&turned].into_iter(), &[]).unwrap();
        assert_eq!(gallery.files, [json!({"id": "2"}), json!({"id": "1"})]);
    }

    #[test]
    fn where_some_are_gone_all_are_sent_anew() {
        let album = Album {
            own: vec!["a".into(), "b".into()],
            ..Album::default()
        };
        let live = live(Some(&album), &[("1", "IMAGE", "https://cdn/1")]);
        let other = with_images(parent("TEE", &["S"]), &["a", "c"]);
        let gallery = Gallery::change(&live, [&other].into_iter(), &[]).unwrap();
        assert_eq!(gallery.files, [fetched("a"), fetched("c")]);
    }
}
