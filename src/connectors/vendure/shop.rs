//! What the shop says of itself, asked once: its currency, its language, where its stock lies.

use iso_currency::Currency;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

use super::api::{Api, List, Named};
use super::documents;
use crate::domain::money::{self, Money};
use crate::domain::{Error, Result};

/// What the settings say beside the credential.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Name or id.
    pub stock_location: Option<String>,
    /// Name or id, for new variants.
    pub tax_category: Option<String>,
    pub language: Option<String>,
    pub channel_token: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Shop {
    pub channel: String,
    pub currency: Currency,
    /// In which texts are written.
    pub language: String,
    /// Whether the prices of the catalog are with tax, as the shop takes them.
    pub prices_include_tax: bool,
    /// Decimals of an amount of money: 2 for every currency, unless the server was told otherwise.
    pub precision: u32,
    pub location: String,
    pub tax_category: Option<String>,
    pub tracks_inventory: bool,
    pub out_of_stock_threshold: i64,
}

/// [`Shop`], read with the first call that needs it.
#[derive(Debug, Default)]
pub struct Known {
    choice: Choice,
    shop: OnceCell<Shop>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    active_channel: Channel,
    stock_locations: List<Named>,
    tax_categories: List<Named>,
    global_settings: GlobalSettings,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    code: String,
    token: String,
    #[serde(default)]
    available_language_codes: Option<Vec<String>>,
    #[serde(default)]
    default_tax_zone: Option<Zone>,
    default_currency_code: String,
    default_language_code: String,
    prices_include_tax: bool,
    #[serde(default)]
    track_inventory: Option<bool>,
    #[serde(default)]
    out_of_stock_threshold: Option<i64>,
}

#[derive(Deserialize)]
struct Zone {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GlobalSettings {
    server_config: ServerConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerConfig {
    money_strategy_precision: u32,
}

impl Known {
    pub fn new(choice: Choice) -> Self {
        Self {
            choice,
            shop: OnceCell::new(),
        }
    }

    pub async fn get(&self, api: &Api) -> Result<&Shop> {
        self.shop.get_or_try_init(|| self.ask(api)).await
    }

    /// What it says now.
    pub async fn ask(&self, api: &Api) -> Result<Shop> {
        let answer = api.query("shop", documents::SHOP, json!({})).await?;
        read(answer, &self.choice)
    }
}

fn read(answer: Answer, choice: &Choice) -> Result<Shop> {
    let channel = answer.active_channel;
    check(&channel, choice)?;
    let code = &channel.default_currency_code;
    let currency = money::currency(code)
        .ok_or_else(|| Error::unexpected(format!("the shop's currency `{code}` is not known")))?;
    let locations = &answer.stock_locations.items;
    let location = match (&choice.stock_location, locations.as_slice()) {
        (Some(wanted), _) => chosen("stock_location", wanted, locations)?,
        (None, [only]) => only.id.clone(),
        (None, []) => {
            return Err(
                Error::config("the shop's channel has no stock location").hint(
                    "assign one to the channel in the shop's dashboard: Settings > Stock locations",
                ),
            );
        }
        (None, several) => {
            return Err(Error::config("the shop has several stock locations")
                .with("locations", names(several))
                .hint("say which one this channel sells from: `stock_location = \"NAME\"`"));
        }
    };
    let tax_category = match &choice.tax_category {
        Some(wanted) => Some(chosen(
            "tax_category",
            wanted,
            &answer.tax_categories.items,
        )?),
        None => None,
    };
    Ok(Shop {
        channel: channel.code,
        currency,
        language: choice
            .language
            .clone()
            .unwrap_or(channel.default_language_code),
        prices_include_tax: channel.prices_include_tax,
        precision: answer
            .global_settings
            .server_config
            .money_strategy_precision,
        location,
        tax_category,
        tracks_inventory: channel.track_inventory.unwrap_or(true),
        out_of_stock_threshold: channel.out_of_stock_threshold.unwrap_or(0),
    })
}

/// What would go wrong later, and silently.
fn check(channel: &Channel, choice: &Choice) -> Result<()> {
    // A server that has one channel alone gives that one, whichever it is asked for.
    if choice
        .channel_token
        .as_ref()
        .is_some_and(|wanted| *wanted != channel.token)
    {
        return Err(
            Error::config("the shop has no channel with this `channel_token`")
                .with("answered by", &channel.code)
                .hint("check `channel_token`: Settings > Channels in the shop's dashboard"),
        );
    }
    if channel.default_tax_zone.is_none() {
        return Err(Error::config(format!(
            "the shop's channel `{}` has no default tax zone: it cannot price goods",
            channel.code
        ))
        .hint("choose one in the shop's dashboard: Settings > Channels"));
    }
    let languages = channel
        .available_language_codes
        .as_deref()
        .unwrap_or_default();
    match &choice.language {
        Some(wanted) if !languages.is_empty() && !languages.contains(wanted) => {
            Err(Error::config(format!(
                "the shop's channel `{}` has no texts in `{wanted}`",
                channel.code
            ))
            .hint(format!(
                "its languages are {}: change `language`, or add one at Settings > Channels",
                languages.join(", ")
            )))
        }
        _ => Ok(()),
    }
}

fn chosen(key: &'static str, wanted: &str, known: &[Named]) -> Result<String> {
    known
        .iter()
        .find(|one| one.name == wanted)
        .or_else(|| known.iter().find(|one| one.id == wanted))
        .map(|one| one.id.clone())
        .ok_or_else(|| {
            Error::config(format!("the shop does not know `{key} = \"{wanted}\"`"))
                .hint(format!("it has {}", names(known)))
        })
}

fn names(known: &[Named]) -> String {
    let names: Vec<_> = known.iter().map(|one| format!("`{}`", one.name)).collect();
    names.join(", ")
}

impl Shop {
    /// Minor units, as the shop writes money. `None` in another currency, or beyond what an integer holds.
    pub fn minor(&self, money: Money) -> Option<i64> {
        if money.currency != self.currency {
            return None;
        }
        let scale = Decimal::from(10u64.checked_pow(self.precision)?);
        let minor = money.rounded().amount.checked_mul(scale)?;
        i64::try_from(minor.round()).ok()
    }

    /// Money of minor units of the channel's currency.
    pub fn money(&self, minor: i64) -> Money {
        Money::new(self.amount(minor), self.currency)
    }

    pub fn amount(&self, minor: i64) -> Decimal {
        Decimal::from_i128_with_scale(i128::from(minor), self.precision.min(28)).normalize()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn shop() -> Shop {
        Shop {
            channel: "shop".to_owned(),
            currency: Currency::EUR,
            language: "en".to_owned(),
            prices_include_tax: true,
            precision: 2,
            location: "1".to_owned(),
            tax_category: None,
            tracks_inventory: true,
            out_of_stock_threshold: 0,
        }
    }

    fn answer(locations: serde_json::Value) -> Answer {
        serde_json::from_value(json!({
            "activeChannel": {"code": "c", "token": "t", "availableLanguageCodes": ["de", "en"],
                "defaultTaxZone": {"id": "1"}, "defaultCurrencyCode": "EUR", "defaultLanguageCode": "de",
                "pricesIncludeTax": true, "trackInventory": true, "outOfStockThreshold": 0},
            "stockLocations": {"items": locations},
            "taxCategories": {"items": [{"id": "1", "name": "Standard"}]},
            "globalSettings": {"serverConfig": {"moneyStrategyPrecision": 2}},
        }))
        .unwrap()
    }

    #[test]
    fn one_location_needs_no_setting_and_several_do() {
        let one = json!([{"id": "4", "name": "Berlin"}]);
        assert_eq!(read(answer(one), &Choice::default()).unwrap().location, "4");
        let two = json!([{"id": "4", "name": "Berlin"}, {"id": "5", "name": "Bonn"}]);
        let error = read(answer(two.clone()), &Choice::default()).unwrap_err();
        assert!(error.to_string().contains("Bonn"), "{error}");
        let choose = |location: &str| Choice {
            stock_location: Some(location.to_owned()),
            ..Choice::default()
        };
        assert_eq!(
            read(answer(two.clone()), &choose("Bonn")).unwrap().location,
            "5"
        );
        assert!(read(answer(two), &choose("Paris")).is_err());
    }

    #[test]
    fn what_would_go_wrong_silently_is_told() {
        let one = || json!([{"id": "4", "name": "Berlin"}]);
        let with = |token: &str, language: &str| Choice {
            channel_token: Some(token.to_owned()),
            language: Some(language.to_owned()),
            ..Choice::default()
        };
        assert!(read(answer(one()), &with("t", "en")).is_ok());
        // The only channel of a server answers for every token.
        let error = read(answer(one()), &with("b2c", "en")).unwrap_err();
        assert!(error.hints[0].contains("channel_token"), "{error}");
        let error = read(answer(one()), &with("t", "fr")).unwrap_err();
        assert!(error.hints[0].contains("de, en"), "{error}");
        let mut untaxed = answer(one());
        untaxed.active_channel.default_tax_zone = None;
        let error = read(untaxed, &Choice::default()).unwrap_err();
        assert!(error.to_string().contains("tax zone"), "{error}");
    }

    #[test]
    fn money_is_minor_units_of_the_servers_precision() {
        let shop = shop();
        let euros = |text: &str| Money::new(text.parse().unwrap(), Currency::EUR);
        assert_eq!(shop.minor(euros("19.99")), Some(1999));
        assert_eq!(shop.money(1999), euros("19.99"));
        assert_eq!(shop.minor(Money::new(Decimal::ONE, Currency::USD)), None);
        assert_eq!(shop.minor(euros("79228162514264337593543950335")), None);
        // The server counts yen in hundredths too.
        let japan = Shop {
            currency: Currency::JPY,
            ..shop
        };
        assert_eq!(
            japan.minor(Money::new(Decimal::from(500), Currency::JPY)),
            Some(50_000)
        );
    }
}
