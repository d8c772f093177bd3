//! Everything that is live on a channel, read to its last page. The texts wait in a temporary file, so that families
//! can be looked at together in whatever order the channel lists them.

mod stated;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use super::{Channel, PageCursor, Progress};
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::{ChannelListing, Family, Listing, OptionAxis};
use crate::domain::{Error, Result};

/// Where a listing waits in the file.
#[derive(Debug)]
struct Place {
    offset: u64,
    length: usize,
    kind: Option<ItemKind>,
    parent: Option<Sku>,
    live: bool,
    /// Another listing of the same sku counts.
    replaced: bool,
}

/// A channel's listings, each sku once.
#[derive(Debug)]
pub struct LiveListings {
    file: File,
    places: Vec<Place>,
    by_sku: HashMap<Sku, usize>,
    /// Skus of several listings: the channel shows more than one under the same key.
    pub doubled: HashSet<Sku>,
    /// Listings without a sku.
    pub nameless: u64,
}

impl LiveListings {
    /// Reads everything that is live, to the last page. Requires `listing_read`.
    pub async fn read(channel: &Channel, progress: &dyn Progress) -> Result<Self> {
        let file = tempfile::tempfile().map_err(no_room)?;
        let mut out = BufWriter::new(file);
        let mut end = 0;
        let mut places: Vec<Place> = Vec::new();
        let mut by_sku: HashMap<Sku, usize> = HashMap::new();
        let mut doubled = HashSet::new();
        let mut nameless = 0;
        let mut cursor = PageCursor::default();
        loop {
            let page = channel.connector.fetch_listings(cursor.token()).await?;
            progress.advance(&channel.name, page.items.len() as u64);
            for listing in &page.items {
                if listing.sku.as_str().trim().is_empty() {
                    nameless += 1;
                    continue;
                }
                let text = serde_json::to_vec(listing).map_err(|error| {
                    Error::unexpected("a listing cannot be kept").caused_by(error)
                })?;
                out.write_all(&text).map_err(no_room)?;
                let content = listing.content.as_deref();
                let mut place = Place {
                    offset: end,
                    length: text.len(),
                    kind: content.map(|content| content.kind),
                    parent: content.and_then(|content| content.parent_sku.clone()),
                    live: listing.live,
                    replaced: false,
                };
                end += text.len() as u64;
                match by_sku.get(&listing.sku) {
                    Some(&earlier) => {
                        doubled.insert(listing.sku.clone());
                        // What can be bought stands before what cannot.
                        if place.live && !places[earlier].live {
                            places[earlier].replaced = true;
                            by_sku.insert(listing.sku.clone(), places.len());
                        } else {
                            place.replaced = true;
                        }
                    }
                    None => {
                        by_sku.insert(listing.sku.clone(), places.len());
                    }
                }
                places.push(place);
            }
            if !cursor.advance(page.next)? {
                break;
            }
        }
        let file = out
            .into_inner()
            .map_err(|error| no_room(error.into_error()))?;
        Ok(Self {
            file,
            places,
            by_sku,
            doubled,
            nameless,
        })
    }

    /// Visits every listing once, family after family, each where its first member stands. Contents come completed:
    /// a variant with what it takes over from its parent, a parent with the axes of its variants that are live.
    pub fn visit(&self, visit: &mut dyn FnMut(Family) -> Result<()>) -> Result<()> {
        let mut families: HashMap<&Sku, Vec<usize>> = HashMap::new();
        for (position, place) in self.places.iter().enumerate() {
            if let (Some(parent), false) = (&place.parent, place.replaced) {
                families.entry(parent).or_default().push(position);
            }
        }
        let mut visited: HashSet<Sku> = HashSet::new();
        for (position, place) in self.places.iter().enumerate() {
            if place.replaced {
                continue;
            }
            let own = place.parent.is_none() && place.kind == Some(ItemKind::Parent);
            let listing = if own { Some(self.get(position)?) } else { None };
            let key = match (&place.parent, &listing) {
                (Some(parent), _) => Some(parent.clone()),
                (None, Some(parent)) => Some(parent.sku.clone()),
                (None, None) => None,
            };
            let Some(key) = key else {
                visit(Family {
                    key: None,
                    parent: None,
                    members: vec![self.get(position)?],
                })?;
                continue;
            };
            if !visited.insert(key.clone()) {
                continue;
            }
            let parent = match listing {
                Some(parent) => Some(parent),
                None => self.parent(&key)?,
            };
            let members = families
                .get(&key)
                .into_iter()
                .flatten()
                .map(|member| self.get(*member))
                .collect::<Result<Vec<_>>>()?;
            visit(completed(key, parent, members))?;
        }
        Ok(())
    }

    /// Every sku once.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        let mut skus: Vec<&Sku> = self.by_sku.keys().collect();
        skus.sort();
        skus.into_iter()
    }

    /// Skus that are listings of their own and parents of others: in a catalog a row is one or the other.
    pub fn clashing(&self) -> HashSet<Sku> {
        let is_sold = |parent: &&Sku| {
            let position = self.by_sku.get(*parent);
            position.is_some_and(|&position| self.places[position].kind != Some(ItemKind::Parent))
        };
        let parents = self.places.iter().filter_map(|place| place.parent.as_ref());
        parents.filter(is_sold).cloned().collect()
    }

    fn parent(&self, key: &Sku) -> Result<Option<ChannelListing>> {
        match self.by_sku.get(key) {
            Some(&position) if self.places[position].kind == Some(ItemKind::Parent) => {
                self.get(position).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn get(&self, position: usize) -> Result<ChannelListing> {
        let place = &self.places[position];
        let mut text = vec![0; place.length];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place.offset))
            .and_then(|_| file.read_exact(&mut text))
            .map_err(no_room)?;
        let mut listing: ChannelListing = serde_json::from_slice(&text)
            .map_err(|error| Error::unexpected("a listing was not kept whole").caused_by(error))?;
        listing.content = listing
            .content
            .map(|content| Box::new(stated::as_stated(*content)));
        Ok(listing)
    }
}

fn completed(key: Sku, parent: Option<ChannelListing>, mut members: Vec<ChannelListing>) -> Family {
    let stated = parent.as_ref().and_then(|parent| parent.content.as_deref());
    if let Some(parent) = stated {
        for content in members
            .iter_mut()
            .filter_map(|member| member.content.as_mut())
        {
            content.inherit(parent);
        }
    }
    let mut family = Family {
        key: Some(key),
        parent,
        members,
    };
    settle_axes(&mut family);
    family
}

/// Gives the parent the axes of its members that are live.
pub(crate) fn settle_axes(family: &mut Family) {
    let live = family.members.iter().filter(|member| member.live);
    let gathered = axes(live.filter_map(|member| member.content.as_deref()));
    let parent = family.parent.as_mut();
    if let Some(content) = parent.and_then(|parent| parent.content.as_mut()) {
        content.axes = gathered;
    }
}

/// What tells variants apart, as a catalog of these variants says it.
fn axes<'a>(variants: impl Iterator<Item = &'a Listing>) -> Vec<OptionAxis> {
    let mut axes: Vec<OptionAxis> = Vec::new();
    for (name, value) in variants.flat_map(|variant| &variant.options) {
        match axes.iter_mut().find(|axis| axis.name == *name) {
            Some(axis) if axis.values.contains(value) => {}
            Some(axis) => axis.values.push(value.clone()),
            None => axes.push(OptionAxis {
                name: name.clone(),
                values: vec![value.clone()],
            }),
        }
    }
    axes
}

fn no_room(error: io::Error) -> Error {
    Error::unexpected("what is live cannot be kept in a temporary file")
        .caused_by(error)
        .hint("make room in the folder for temporary files; TMPDIR names another one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(sku: &str, kind: ItemKind, size: Option<&str>) -> ChannelListing {
        let mut content = Listing::blank(sku.into(), kind);
        content.options = size
            .map(|size| ("Size".to_owned(), size.to_owned()))
            .into_iter()
            .collect();
        ChannelListing {
            sku: sku.into(),
            listing_ref: sku.into(),
            parent_ref: None,
            live: true,
            title: None,
            price: None,
            compare_at: None,
            quantity: None,
            issues: Vec::new(),
            content: Some(Box::new(content)),
        }
    }

    #[test]
    fn a_family_is_completed_as_a_catalog_completes_it() {
        let mut parent = live("P", ItemKind::Parent, None);
        parent.content.as_mut().unwrap().brand = Some("Acme".into());
        let mut ended = live("P-L", ItemKind::Variant, Some("L"));
        ended.live = false;
        let members = vec![
            live("P-M", ItemKind::Variant, Some("M")),
            live("P-S", ItemKind::Variant, Some("S")),
            live("P-M2", ItemKind::Variant, Some("M")),
            ended,
        ];
        let family = completed("P".into(), Some(parent), members);
        let parent = family.parent.unwrap().content.unwrap();
        assert_eq!(parent.axes.len(), 1);
        assert_eq!(
            parent.axes[0].values,
            ["M", "S"],
            "what is not live counts not"
        );
        let content = family.members[0].content.as_ref().unwrap();
        assert_eq!(content.brand.as_deref(), Some("Acme"));
    }
}
