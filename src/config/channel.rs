//! One `[channels.X]` table.

use std::path::Path;

use jiff::Timestamp;
use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::DeValue;

use super::Config;
use super::files::known_currency;
use super::parse::{Section, alike, describe, quoted};
use super::report::{Problems, Span};
use super::resolve::{Reader, Resolver, Stated};
use super::settings::Settings;
use crate::domain::Result;
use crate::domain::capability::Descriptor;
use crate::domain::guard::Guard;
use crate::domain::ids::ChannelName;
use crate::policy::{Absent, ChannelPolicy, ContentPolicy, PricePolicy, SelectPolicy, StockPolicy};

/// Writes of one run that are read back, unless the file says otherwise.
const VERIFY: usize = 1000;

/// One account that we sell on, as the seller declared it. Holds no secret that was fetched, and prints none.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    pub name: ChannelName,
    pub kind: &'static str,
    pub enabled: bool,
    /// `Some` when an emulation stands in for the channel.
    pub sandbox: Option<SandboxConfig>,
    /// How many writes of one run are read back.
    pub verify: usize,
    /// Orders before this moment are none of ours.
    pub orders_since: Option<Timestamp>,
    /// Its `guard` is [`ChannelConfig::guard`].
    pub policy: ChannelPolicy,
    /// The file's guard with the channel's own keys over it.
    pub guard: Guard,
    descriptor: &'static Descriptor,
    stated: Stated,
}

/// `[channels.X.sandbox_options]`
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Orders that simulated buyers place in all.
    pub buyers: u64,
    pub seed: u64,
    /// The name of a profile of faults. Which there are, the sandbox knows.
    pub faults: String,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            buyers: 3,
            seed: 1,
            faults: "none".to_owned(),
        }
    }
}

impl ChannelConfig {
    /// Whether the file gives this setting a value.
    pub fn states(&self, key: &str) -> bool {
        self.stated.has(key)
    }

    /// The settings as the connector reads them, defaults filled in. Secrets are fetched now, and not before.
    ///
    /// `overlay` is what a running sandbox gives to reach it: its keys replace those of the file, and secrets
    /// of the file are neither fetched nor used.
    pub fn resolve(
        &self,
        overlay: Option<&serde_json::Map<String, serde_json::Value>>,
        config: &Config,
    ) -> Result<Settings> {
        Resolver {
            channel: self.name.as_str(),
            descriptor: self.descriptor,
            file: config.path.display().to_string(),
            folder: &config.folder,
        }
        .resolve(&self.stated, overlay)
    }
}

/// What every channel of the file shares.
pub(super) struct Shared<'a, 'i> {
    pub(super) kinds: &'a [&'static Descriptor],
    pub(super) folder: &'a Path,
    pub(super) text: &'a str,
    /// `[guard]`, without what cannot be read.
    pub(super) guard: Option<Section<'i>>,
}

impl<'i> Shared<'_, 'i> {
    /// `None` only together with a problem.
    pub(super) fn read_channel(
        &self,
        name: &Spanned<String>,
        mut section: Section<'i>,
        problems: &mut Problems,
    ) -> Option<ChannelConfig> {
        check_name(name, problems);
        // Until each is known to be harmless.
        section.hide("settings", problems);
        let descriptor = self.read_kind(name.get_ref(), &mut section, problems);
        let flag = |section: &mut Section<'i>, key, default, problems: &mut Problems| {
            section
                .read::<bool>(key, problems)
                .map_or(default, Spanned::into_inner)
        };
        let enabled = flag(&mut section, "enabled", true, problems);
        let sandbox = flag(&mut section, "sandbox", false, problems);
        let options = section.section("sandbox_options", problems);
        let sandbox = read_sandbox(sandbox, options, problems);
        let verify = section
            .read::<usize>("verify", problems)
            .map_or(VERIFY, Spanned::into_inner);
        let orders_since = section
            .take("orders_since")
            .and_then(|value| moment("orders_since", value, problems));
        let mut policy = read_policy(&mut section, problems);
        let guard = self.read_guard(&mut section, problems);
        policy.guard = Some(guard.clone());
        let settings = section.section("settings", problems);
        section.finish(problems);
        let descriptor = descriptor?;
        let stated = Reader {
            channel: name.get_ref(),
            channel_span: name.span(),
            folder: self.folder,
            text: self.text,
            sandbox: sandbox.is_some(),
        }
        .read(settings, descriptor, problems);
        Some(ChannelConfig {
            name: ChannelName::new(name.get_ref()),
            kind: descriptor.kind,
            enabled,
            sandbox,
            verify,
            orders_since,
            policy,
            guard,
            descriptor,
            stated,
        })
    }

    fn read_kind(
        &self,
        channel: &str,
        section: &mut Section<'i>,
        problems: &mut Problems,
    ) -> Option<&'static Descriptor> {
        let names: Vec<_> = self
            .kinds
            .iter()
            .map(|descriptor| descriptor.kind)
            .collect();
        if section.span_of("kind").is_none() {
            problems
                .add(
                    section.span.clone(),
                    format!("the channel `{channel}` has no `kind`"),
                )
                .hint(format!("known kinds: {}", quoted(&names)));
        }
        let kind = section.read::<String>("kind", problems)?;
        let found = self
            .kinds
            .iter()
            .copied()
            .find(|descriptor| descriptor.kind == kind.get_ref());
        if found.is_none() {
            let message = format!("`{}` is no kind of channel", kind.get_ref());
            let finding = problems.add(kind.span(), message);
            if let Some(near) = alike(kind.get_ref(), &names) {
                finding.hint(format!("did you mean `{near}`?"));
            }
            finding.hint(format!("known kinds: {}", quoted(&names)));
        }
        found
    }

    fn read_guard(&self, section: &mut Section<'i>, problems: &mut Problems) -> Guard {
        let own = section.section("guard", problems).map(|mut own| {
            check_guard(&mut own, problems);
            own
        });
        let merged = match (self.guard.clone(), own) {
            (Some(mut shared), Some(own)) => {
                shared.overlay(own);
                Some(shared)
            }
            (shared, own) => shared.or(own),
        };
        // Both were checked, so that there is nothing left to say.
        merged.map_or_else(Guard::default, |mut merged| {
            merged.value(&mut Problems::default())
        })
    }
}

/// Reads a guard's table for its mistakes, and removes them.
pub(super) fn check_guard(section: &mut Section<'_>, problems: &mut Problems) {
    let guard: Guard = section.value(problems);
    let percents = [
        ("end", guard.end),
        ("zero", guard.zero),
        ("reprice", guard.reprice),
        ("price_jump", guard.price_jump),
    ];
    for (key, percent) in percents {
        let good = percent >= Decimal::ZERO;
        require(
            section,
            key,
            good,
            "must be 0 or more, in percent",
            problems,
        );
    }
}

fn check_name(name: &Spanned<String>, problems: &mut Problems) {
    let text = name.get_ref();
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || !text.chars().all(good) {
        problems
            .add(name.span(), format!("`{text}` cannot be a channel's name"))
            .hint("use letters from A to Z, digits, `-` and `_`, as in `amazon-de`");
    }
}

fn read_sandbox(
    on: bool,
    options: Option<Section<'_>>,
    problems: &mut Problems,
) -> Option<SandboxConfig> {
    let Some(mut options) = options else {
        return on.then(SandboxConfig::default);
    };
    if !on {
        problems
            .add(
                options.span.clone(),
                format!("[{}] needs `sandbox = true`", options.title()),
            )
            .hint("add `sandbox = true` to the channel, or remove this table");
    }
    let config = options.value(problems);
    on.then_some(config)
}

fn read_policy(section: &mut Section<'_>, problems: &mut Problems) -> ChannelPolicy {
    let absent = section
        .read::<Absent>("absent", problems)
        .map(Spanned::into_inner)
        .unwrap_or_default();
    ChannelPolicy {
        absent,
        price: section
            .section("price", problems)
            .map(|price| read_price(price, problems))
            .unwrap_or_default(),
        stock: section
            .section("stock", problems)
            .map(|stock| read_stock(stock, problems))
            .unwrap_or_default(),
        content: section
            .section("content", problems)
            .map(|mut content| content.value::<ContentPolicy>(problems))
            .unwrap_or_default(),
        select: section
            .section("select", problems)
            .map(|mut select| select.value::<SelectPolicy>(problems))
            .unwrap_or_default(),
        guard: None,
    }
}

fn read_price(mut section: Section<'_>, problems: &mut Problems) -> PricePolicy {
    let price: PricePolicy = section.value(problems);
    if let (Some(code), Some(span)) = (&price.currency, section.span_of("currency")) {
        known_currency("currency", &Spanned::new(span, code.clone()), problems);
    }
    let positive = |value: Option<Decimal>| value.is_none_or(|value| value > Decimal::ZERO);
    let rules = [
        ("rate", positive(price.rate)),
        ("minimum", positive(price.minimum)),
        ("maximum", positive(price.maximum)),
    ];
    for (key, good) in rules {
        require(&section, key, good, "must be more than 0", problems);
    }
    if let (Some(minimum), Some(maximum)) = (price.minimum, price.maximum) {
        let good = minimum <= maximum;
        require(&section, "maximum", good, "is below `minimum`", problems);
    }
    price
}

fn read_stock(mut section: Section<'_>, problems: &mut Problems) -> StockPolicy {
    let stock: StockPolicy = section.value(problems);
    let good = (Decimal::ZERO..=Decimal::ONE).contains(&stock.share);
    let rule = "must be from 0 to 1, as in 0.5 for a half";
    require(&section, "share", good, rule, problems);
    stock
}

/// A problem at `key`, unless it is good or is not there.
fn require(section: &Section<'_>, key: &str, good: bool, rule: &str, problems: &mut Problems) {
    if let (false, Some(span)) = (good, section.span_of(key)) {
        problems.add(span, format!("`{key}` {rule}"));
    }
}

/// A moment as TOML's own date or as text.
fn moment(key: &str, value: Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Timestamp> {
    let span: Span = value.span();
    let text = match value.get_ref() {
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::String(text) => text.to_string(),
        other => {
            problems
                .add(
                    span,
                    format!("`{key}` must be a moment, not {}", describe(other)),
                )
                .hint(format!("write `{key} = 2026-01-01T00:00:00Z`"));
            return None;
        }
    };
    let parsed = text.parse().ok();
    if parsed.is_none() {
        problems
            .add(span, format!("`{key}` must be a moment with its time zone"))
            .hint(format!("write `{key} = 2026-01-01T00:00:00Z`"));
    }
    parsed
}
