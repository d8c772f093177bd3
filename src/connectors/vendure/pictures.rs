//! Pictures of listings. The Admin API takes files and no addresses: what the shop does not have yet is fetched from the
//! seller's address and uploaded.
//!
//! An asset has the address that it came from as a tag. So each picture is uploaded once, however many products show
//! it, and what an earlier run has uploaded is found again, also when its answer was lost. A picture that cannot be had
//! holds nothing back: the listing goes without it, and says so.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use reqwest::{StatusCode, Url};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::addresses::{self, mark, named, parsed};
use super::api::{self, Api};
use super::assets::{self, Known, Picture};
use super::picture_file;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::HttpContext;
use crate::http::download::{DownloadError, Downloads};

/// The server takes files below this (`assetOptions.uploadMaxFileSize`, unless it was told otherwise).
const LARGEST: usize = 20 * 1024 * 1024 - 1;
/// Pictures that are fetched side by side, and wait in memory until they are uploaded.
const AT_ONCE: usize = 8;
/// Bytes of one upload, unless a single file is larger.
const LARGEST_UPLOAD: usize = 8 * 1024 * 1024;

/// A listing whose pictures are wanted.
pub struct Wish<'a> {
    pub listing: &'a Listing,
    /// What shows them, where it is in the shop already: a product, or a variant of it.
    pub product: Option<&'a str>,
    pub variant: Option<&'a str>,
}

/// A listing's pictures in the shop.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    assets: Vec<String>,
    /// What is missing, in words for the seller.
    pub issues: Vec<Issue>,
}

impl Gallery {
    /// Without a picture to show nothing is said: what the shop shows stays.
    pub fn add_to(&self, input: &mut Map<String, Value>) {
        if let Some(first) = self.assets.first() {
            input.insert("assetIds".to_owned(), json!(self.assets));
            input.insert("featuredAssetId".to_owned(), json!(first));
        }
    }
}

/// Why a picture is not in the shop.
#[derive(Clone, Debug)]
struct Trouble {
    code: &'static str,
    why: String,
    hint: &'static str,
    /// It is the same with every picture.
    of_shop: bool,
}

impl Trouble {
    fn new(code: &'static str, why: impl Into<String>, hint: &'static str) -> Self {
        Self {
            code,
            why: why.into(),
            hint,
            of_shop: false,
        }
    }

    fn of_shop(self) -> Self {
        Self {
            of_shop: true,
            ..self
        }
    }

    fn issue(&self, image: &str) -> Issue {
        let message = if self.of_shop {
            format!("the listing has no pictures: {}", self.why)
        } else {
            format!("the picture `{}` is missing: {}", named(image), self.why)
        };
        Issue::warning(self.code, message)
            .field("images")
            .hint(self.hint)
    }
}

/// By mark: the asset, or why there is none.
type Settled = HashMap<String, Result<String, Trouble>>;

/// A picture that the shop does not have, by its mark.
#[derive(Clone, Debug)]
struct Missing {
    mark: String,
    url: Url,
}

#[derive(Debug)]
pub struct Pictures {
    http: HttpContext,
    downloads: OnceCell<Downloads>,
    /// The server has said that it keeps no files: it is not asked again.
    has_no_storage: AtomicBool,
}

impl Pictures {
    pub fn new(http: &HttpContext) -> Self {
        Self {
            http: http.clone(),
            downloads: OnceCell::new(),
            has_no_storage: AtomicBool::new(false),
        }
    }

    /// Finds the pictures of listings in the shop, and brings those there that are missing; one gallery per wish.
    /// `Err` only where nothing else of the listings could be sent either.
    pub async fn ensure(&self, api: &Api, wishes: &[Wish<'_>]) -> Result<Vec<Gallery>> {
        let marks: BTreeSet<String> = wishes
            .iter()
            .flat_map(|wish| addresses::wanted(wish.listing))
            .collect();
        if marks.is_empty() {
            return Ok(vec![Gallery::default(); wishes.len()]);
        }
        let settled = match look_up(api, &marks, wishes).await {
            Ok(known) => self.settle(api, &marks, known, wishes).await?,
            Err(error) if stops_all(&error) => return Err(error),
            Err(error) => {
                let trouble = not_allowed(&error);
                marks
                    .into_iter()
                    .map(|mark| (mark, Err(trouble.clone())))
                    .collect()
            }
        };
        Ok(wishes
            .iter()
            .map(|wish| gallery(wish.listing, &settled))
            .collect())
    }

    async fn settle(
        &self,
        api: &Api,
        marks: &BTreeSet<String>,
        mut known: Known,
        wishes: &[Wish<'_>],
    ) -> Result<Settled> {
        let mut settled = Settled::new();
        let mut missing = Vec::new();
        for mark in marks {
            if let Some(id) = known.remove(mark) {
                settled.insert(mark.clone(), Ok(id));
            } else if let Some(url) = address(mark, wishes) {
                let mark = mark.clone();
                missing.push(Missing { mark, url });
            } else {
                settled.insert(mark.clone(), Err(without_address()));
            }
        }
        let mut hosts = Hosts::default();
        for part in missing.chunks(AT_ONCE) {
            if self.has_no_storage.load(Ordering::Relaxed) {
                let marks = part.iter().map(|one| one.mark.clone());
                settled.extend(marks.map(|mark| (mark, Err(no_storage()))));
                continue;
            }
            let mut pictures = Vec::new();
            for (mark, fetched) in self.fetch(part, &mut hosts).await? {
                match fetched {
                    Ok(picture) => pictures.push(picture),
                    Err(trouble) => {
                        settled.insert(mark, Err(trouble));
                    }
                }
            }
            self.upload(api, pictures, &mut settled).await?;
        }
        Ok(settled)
    }

    /// The first picture of each host goes first: when the host cannot be reached, it is not asked for the others.
    async fn fetch(
        &self,
        missing: &[Missing],
        hosts: &mut Hosts,
    ) -> Result<Vec<(String, Result<Picture, Trouble>)>> {
        let downloads = self
            .downloads
            .get_or_try_init(async || Downloads::new(&self.http))
            .await?;
        let mut asked = HashSet::new();
        let (first, others): (Vec<_>, Vec<_>) = missing
            .iter()
            .partition(|one| !hosts.have_answered(&one.url) && asked.insert(host(&one.url)));
        let mut fetched = Vec::with_capacity(missing.len());
        for wave in [first, others] {
            let (lost, wave): (Vec<_>, Vec<_>) =
                wave.into_iter().partition(|one| hosts.are_lost(&one.url));
            let lost = lost
                .into_iter()
                .map(|one| (one.mark.clone(), Err(unreachable())));
            fetched.extend(lost);
            let tries = wave.iter().map(|one| downloads.get(&one.url, LARGEST));
            for (one, answer) in wave.iter().zip(join_all(tries).await) {
                let picture = match answer {
                    Ok(file) => {
                        hosts.answering.insert(host(&one.url));
                        picture_file::of(&one.url, file, &one.mark).ok_or_else(no_picture)
                    }
                    Err(DownloadError::Halted(error)) => return Err(error),
                    Err(error) => {
                        if matches!(error, DownloadError::Unreachable) {
                            hosts.lost.insert(host(&one.url));
                        }
                        Err(not_fetched(&error))
                    }
                };
                fetched.push((one.mark.clone(), picture));
            }
        }
        Ok(fetched)
    }

    /// Uploads a few at a time. Where one of several may be to blame, each goes by itself; where an answer was lost, what
    /// has arrived is looked up, and only the rest is sent once more.
    async fn upload(&self, api: &Api, pictures: Vec<Picture>, settled: &mut Settled) -> Result<()> {
        let mut waiting: Vec<(Vec<Picture>, bool)> = groups(pictures)
            .into_iter()
            .map(|group| (group, false))
            .collect();
        while let Some((mut group, is_repeat)) = waiting.pop() {
            let error = match assets::upload(api, &group).await {
                Ok(told) => {
                    let marks = group.into_iter().map(|picture| picture.mark);
                    settled.extend(marks.zip(told.into_iter().map(|told| told.map_err(refused))));
                    continue;
                }
                Err(error) => error,
            };
            if error.in_doubt {
                let marks: Vec<&str> = group.iter().map(|one| one.mark.as_str()).collect();
                let mut there = assets::look_up(api, &marks, &[], &[]).await?;
                group.retain(|picture| match there.remove(&picture.mark) {
                    Some(id) => settled.insert(picture.mark.clone(), Ok(id)).is_some(),
                    None => true,
                });
                if group.is_empty() {
                    continue;
                }
                if !is_repeat {
                    waiting.push((group, true));
                    continue;
                }
            } else if stops_all(&error) {
                return Err(error);
            } else if error.message == api::NO_STORAGE {
                self.has_no_storage.store(true, Ordering::Relaxed);
            } else if group.len() > 1 && concerns_files(&error) {
                waiting.extend(group.into_iter().map(|picture| (vec![picture], is_repeat)));
                continue;
            }
            let trouble = not_uploaded(&error);
            let marks = group.into_iter().map(|picture| picture.mark);
            settled.extend(marks.map(|mark| (mark, Err(trouble.clone()))));
        }
        Ok(())
    }
}

/// Hosts of pictures, as one push has met them.
#[derive(Debug, Default)]
struct Hosts {
    answering: HashSet<String>,
    lost: HashSet<String>,
}

impl Hosts {
    fn have_answered(&self, url: &Url) -> bool {
        self.answering.contains(&host(url))
    }

    fn are_lost(&self, url: &Url) -> bool {
        self.lost.contains(&host(url))
    }
}

/// Host and port.
fn host(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// Asks for the marks, and for what the listings show already: a file that somebody else has put there is known by its
/// address alone.
async fn look_up(api: &Api, marks: &BTreeSet<String>, wishes: &[Wish<'_>]) -> Result<Known> {
    let marks: Vec<&str> = marks.iter().map(String::as_str).collect();
    let with_pictures = || wishes.iter().filter(|wish| !wish.listing.images.is_empty());
    let products: BTreeSet<&str> = with_pictures().filter_map(|wish| wish.product).collect();
    let variants: BTreeSet<&str> = with_pictures().filter_map(|wish| wish.variant).collect();
    let (products, variants) = (Vec::from_iter(products), Vec::from_iter(variants));
    assets::look_up(api, &marks, &products, &variants).await
}

/// The address behind a mark. A digest that was read from the shop tells none.
fn address(of: &str, wishes: &[Wish<'_>]) -> Option<Url> {
    parsed(of).or_else(|| {
        let mut images = wishes.iter().flat_map(|wish| &wish.listing.images);
        images
            .find(|image| mark(image) == of)
            .and_then(|image| parsed(image))
    })
}

fn gallery(listing: &Listing, settled: &Settled) -> Gallery {
    let mut gallery = Gallery::default();
    let mut is_told = false;
    for image in &listing.images {
        match settled.get(&mark(image)) {
            Some(Ok(id)) if !gallery.assets.contains(id) => gallery.assets.push(id.clone()),
            Some(Err(trouble)) if !(trouble.of_shop && is_told) => {
                is_told |= trouble.of_shop;
                gallery.issues.push(trouble.issue(image));
            }
            _ => {}
        }
    }
    gallery
}

/// In the order in which they came, as many as one request takes.
fn groups(pictures: Vec<Picture>) -> Vec<Vec<Picture>> {
    let mut groups: Vec<Vec<Picture>> = Vec::new();
    let mut room = 0;
    for picture in pictures {
        let size = picture.content.len();
        match groups.last_mut() {
            Some(group) if size <= room => {
                room -= size;
                group.push(picture);
            }
            _ => {
                room = LARGEST_UPLOAD.saturating_sub(size);
                groups.push(vec![picture]);
            }
        }
    }
    groups
}

/// Whether the shop cannot be worked with at the moment, or the run ends: then the listings wait as well.
fn stops_all(error: &Error) -> bool {
    let is_told_of_a_field = error
        .context
        .iter()
        .any(|(key, _)| *key == api::FAILED_FIELD);
    error.kind == ErrorKind::Budget || (error.is_temporary() && !is_told_of_a_field)
}

/// Whether one of several files may be to blame, or their sum is too much for a proxy.
fn concerns_files(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Rejected | ErrorKind::Unavailable)
}

const CHANGE: &str = "a later run tries again when the listing changes: an address with `?v=2` at its end is a change";

fn unreachable() -> Trouble {
    Trouble::new("picture_unreachable", "its host cannot be reached", CHANGE)
}

fn no_picture() -> Trouble {
    Trouble::new(
        "picture_type",
        "what its address answers is no picture",
        "open the address in a browser: it has to lead to the picture itself, not to a page",
    )
}

fn not_fetched(error: &DownloadError) -> Trouble {
    match error {
        DownloadError::Refused(status @ (StatusCode::NOT_FOUND | StatusCode::GONE)) => {
            Trouble::new(
                "picture_not_found",
                format!("its host does not have it ({})", status.as_u16()),
                "correct the address in the column `images`",
            )
        }
        DownloadError::Refused(status) if status.is_client_error() => Trouble::new(
            "picture_refused",
            format!("its host does not hand it out ({})", status.as_u16()),
            "put it where everybody may fetch it, and change the address in the column `images`",
        ),
        DownloadError::Refused(status) => Trouble::new(
            "picture_unreachable",
            format!(
                "its host cannot hand it out at the moment ({})",
                status.as_u16()
            ),
            CHANGE,
        ),
        DownloadError::Astray => Trouble::new(
            "picture_refused",
            "its address leads on and on, or out of the web",
            "write the address at which the picture is in the end",
        ),
        DownloadError::TooLarge => Trouble::new(
            "picture_too_large",
            "it has more than 20 MB",
            "name a smaller picture: shops show no more than a few thousand pixels",
        ),
        DownloadError::Broken => Trouble::new(
            "picture_unreachable",
            "its host did not send it to the end",
            CHANGE,
        ),
        DownloadError::Unreachable | DownloadError::Halted(_) => unreachable(),
    }
}

fn refused(message: String) -> Trouble {
    Trouble::new(
        "picture_type",
        format!("the shop does not take it: {message}"),
        "use JPEG, PNG, GIF or WebP, or permit the type in `assetOptions.permittedFileTypes` of the server",
    )
}

fn without_address() -> Trouble {
    Trouble::new(
        "picture_not_found",
        "the shop has it no more, and its address is not known",
        "write the picture's address into the column `images`",
    )
}

fn no_storage() -> Trouble {
    Trouble::new(
        "picture_storage",
        "the server keeps no files",
        "add the AssetServerPlugin, or another storage for assets, to the Vendure server",
    )
    .of_shop()
}

fn not_allowed(error: &Error) -> Trouble {
    Trouble::new(
        "picture_rights",
        format!("the shop does not let us use its assets: {}", error.message),
        "the role needs the rights that the connector's README lists, on this channel",
    )
    .of_shop()
}

fn not_uploaded(error: &Error) -> Trouble {
    if error.message == api::NO_STORAGE {
        return no_storage();
    }
    match error.kind {
        ErrorKind::Unauthorized | ErrorKind::Forbidden => not_allowed(error),
        _ => Trouble::new(
            "picture_upload",
            format!("the shop could not store it: {}", error.message),
            "try to upload it in the shop's dashboard: the server, or a proxy before it, may refuse its size or its format",
        ),
    }
}
