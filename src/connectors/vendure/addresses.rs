//! Pictures by their addresses: which of a listing's can be had, by what an asset of the shop remembers where it came
//! from, and what a live product shows. Pure.

use std::fmt::Write;

use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::http::download;

/// Characters that a tag's column holds in MySQL.
const LONGEST_TAG: usize = 255;
/// Before the digest that stands for a longer address.
const DIGEST: &str = "sha256:";
/// Of an address, in a message.
const LONGEST_SHOWN: usize = 100;

/// A file of the shop's.
#[derive(Clone, Debug, Deserialize)]
pub struct Asset {
    pub id: String,
    /// Its address in the shop.
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Tag {
    pub value: String,
}

/// An address from which a file is fetched.
pub fn parsed(image: &str) -> Option<Url> {
    Url::parse(image.trim()).ok().filter(download::is_fetched)
}

/// The tag of what came from an address: the address itself, or its digest where it is too long for a tag.
pub fn mark(image: &str) -> String {
    let image = image.trim();
    if image.chars().count() <= LONGEST_TAG {
        return image.to_owned();
    }
    let mut mark = DIGEST.to_owned();
    for byte in Sha256::digest(image.as_bytes()) {
        // Writing to a text does not fail.
        let _ = write!(mark, "{byte:02x}");
    }
    mark
}

/// Whether a picture can be told by this: an address, or a digest that was read from the shop.
fn is_usable(image: &str) -> bool {
    let digest = image.trim().strip_prefix(DIGEST);
    digest.is_some_and(|hex| hex.len() == 64) || parsed(image).is_some()
}

/// The marks of a listing's pictures in their order, each once. What is no address is left away: the audit tells of it.
pub fn wanted(listing: &Listing) -> Vec<String> {
    let images = listing.images.iter();
    each_once(
        images
            .filter(|image| is_usable(image))
            .map(|image| mark(image)),
    )
}

fn each_once(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut marks = Vec::new();
    for mark in all {
        if !marks.contains(&mark) {
            marks.push(mark);
        }
    }
    marks
}

impl Asset {
    /// Where it came from; a file that somebody else put into the shop has only its address there.
    pub fn mark(&self) -> String {
        let mut tags = self.tags.iter().map(|tag| &tag.value);
        match tags.find(|tag| is_usable(tag)) {
            Some(tag) => tag.clone(),
            None => mark(&self.source),
        }
    }

    /// Everything that it is known by.
    pub fn marks(&self) -> impl Iterator<Item = String> {
        let tags = self.tags.iter().map(|tag| tag.value.clone());
        tags.chain([mark(&self.source)])
    }
}

/// What a product or variant shows, the featured picture first, as a catalog states it.
pub fn shown(assets: &[Asset], featured: Option<&Asset>) -> Vec<String> {
    let is_featured = |asset: &Asset| featured.is_some_and(|featured| featured.id == asset.id);
    let (first, rest): (Vec<_>, Vec<_>) = assets.iter().partition(|asset| is_featured(asset));
    let marks = first.into_iter().chain(rest).map(Asset::mark);
    each_once(marks.filter(|mark| is_usable(mark)))
}

/// An address for a message: without what may be a key in its query.
pub fn named(image: &str) -> String {
    let name = match Url::parse(image.trim()) {
        Ok(url) if url.has_host() => {
            format!("{}{}", url.host_str().unwrap_or_default(), url.path())
        }
        _ => image.trim().to_owned(),
    };
    match name.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

/// Complaints about addresses from which nothing can be fetched: the listing goes without these pictures.
pub fn audit(listing: &Listing) -> impl Iterator<Item = Issue> {
    let images = listing.images.iter();
    images.filter(|image| !is_usable(image)).map(|image| {
        let name = named(image);
        let message = format!("`{name}` is no address from which a picture can be fetched");
        Issue::warning("image_address", message)
            .field("images")
            .hint("write the picture's full address, https://…, without a password: skucast fetches it from there and puts it into the shop")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures;
    use super::*;

    fn listing(images: &[&str]) -> Listing {
        Listing {
            images: images.iter().map(|image| (*image).to_owned()).collect(),
            ..fixtures::single("A")
        }
    }

    fn asset(id: &str, tags: &[&str]) -> Asset {
        let tags: Vec<_> = tags.iter().map(|tag| json!({"value": tag})).collect();
        let source = format!("https://shop.example/assets/{id}.jpg");
        serde_json::from_value(json!({"id": id, "source": source, "tags": tags})).unwrap()
    }

    #[test]
    fn each_picture_counts_once_and_what_is_no_address_does_not() {
        let (a, b) = ("https://img.example/a.jpg", "http://img.example/b.jpg");
        let listing = listing(&[
            a,
            "front.jpg",
            b,
            " https://img.example/a.jpg ",
            "file:///a.jpg",
        ]);
        assert_eq!(wanted(&listing), [a, b]);
        let messages: Vec<_> = audit(&listing).map(|issue| issue.message).collect();
        assert_eq!(messages.len(), 2);
        assert!(messages[0].contains("`front.jpg`"), "{messages:?}");
    }

    #[test]
    fn a_password_is_neither_used_nor_shown() {
        let listing = listing(&["https://me:secret@img.example/a.jpg?key=secret"]);
        assert!(wanted(&listing).is_empty());
        let issue = audit(&listing).next().unwrap();
        assert!(!issue.message.contains("secret"), "{}", issue.message);
        assert!(
            issue.message.contains("`img.example/a.jpg`"),
            "{}",
            issue.message
        );
    }

    #[test]
    fn a_long_address_is_known_by_its_digest_and_stays_so() {
        let short = format!("https://img.example/{}", "a".repeat(235));
        assert_eq!(mark(&short), short);
        let long = format!("{short}a");
        let digest = mark(&long);
        assert_eq!(digest.len(), 71);
        assert_eq!(wanted(&listing(&[&long])), [&*digest]);
        // What is live is looked at in the same way.
        assert_eq!(wanted(&listing(&[&digest])), [&*digest]);
        assert_eq!(audit(&listing(&[&long, &digest])).count(), 0);
    }

    #[test]
    fn a_product_shows_where_its_pictures_came_from() {
        let tagged = asset("1", &["summer", "https://img.example/a.jpg"]);
        let by_hand = asset("2", &["summer"]);
        let assets = [tagged.clone(), by_hand.clone()];
        let (there, here) = (
            "https://img.example/a.jpg",
            "https://shop.example/assets/2.jpg",
        );
        assert_eq!(shown(&assets, Some(&tagged)), [there, here]);
        assert_eq!(shown(&assets, Some(&by_hand)), [here, there]);
        assert_eq!(shown(&assets, None), [there, here]);
    }
}
