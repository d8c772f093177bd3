//! Who sells where: the settings of one Amazon channel, made whole from what is known of its marketplace.

use iso_currency::Currency;
use reqwest::Url;

use super::descriptor;
use crate::config::settings::Settings;
use crate::domain::money;
use crate::domain::{Error, Result};

/// What is fixed for one of Amazon's stores.
/// Source: developer-docs.amazon.com/sp-api/docs/marketplace-ids.
#[derive(Debug, PartialEq, Eq)]
pub struct Marketplace {
    pub id: &'static str,
    pub region: &'static str,
    pub domain: &'static str,
    pub currency: Currency,
    pub language: &'static str,
    /// Whether prices are shown with the tax in them. It also decides how a list price is written.
    pub tax_included: bool,
}

const fn marketplace(
    id: &'static str,
    region: &'static str,
    domain: &'static str,
    currency: Currency,
    language: &'static str,
) -> Marketplace {
    Marketplace {
        id,
        region,
        domain,
        currency,
        language,
        tax_included: !matches!(currency, Currency::USD | Currency::CAD),
    }
}

#[rustfmt::skip]
pub const MARKETPLACES: &[Marketplace] = &[
    marketplace("ATVPDKIKX0DER", "na", "amazon.com", Currency::USD, "en_US"),
    marketplace("A2EUQ1WTGCTBG2", "na", "amazon.ca", Currency::CAD, "en_CA"),
    marketplace("A1AM78C64UM0Y8", "na", "amazon.com.mx", Currency::MXN, "es_MX"),
    marketplace("A2Q3Y263D00KWC", "na", "amazon.com.br", Currency::BRL, "pt_BR"),
    marketplace("A1F83G8C2ARO7P", "eu", "amazon.co.uk", Currency::GBP, "en_GB"),
    marketplace("A1PA6795UKMFR9", "eu", "amazon.de", Currency::EUR, "de_DE"),
    marketplace("A13V1IB3VIYZZH", "eu", "amazon.fr", Currency::EUR, "fr_FR"),
    marketplace("APJ6JRA9NG5V4", "eu", "amazon.it", Currency::EUR, "it_IT"),
    marketplace("A1RKKUPIHCS9HS", "eu", "amazon.es", Currency::EUR, "es_ES"),
    marketplace("A1805IZSGTT6HS", "eu", "amazon.nl", Currency::EUR, "nl_NL"),
    marketplace("AMEN7PMS3EDWL", "eu", "amazon.com.be", Currency::EUR, "fr_BE"),
    marketplace("A2NODRKZP88ZB9", "eu", "amazon.se", Currency::SEK, "sv_SE"),
    marketplace("A1C3SOZRARQ6R3", "eu", "amazon.pl", Currency::PLN, "pl_PL"),
    marketplace("A28R8C7NBKEWEA", "eu", "amazon.ie", Currency::EUR, "en_IE"),
    marketplace("A33AVAJ2PDY3EV", "eu", "amazon.com.tr", Currency::TRY, "tr_TR"),
    marketplace("A2VIGQ35RCS4UG", "eu", "amazon.ae", Currency::AED, "en_AE"),
    marketplace("A17E79C6D8DWNP", "eu", "amazon.sa", Currency::SAR, "ar_AE"),
    marketplace("ARBP9OOSHTCHU", "eu", "amazon.eg", Currency::EGP, "ar_AE"),
    marketplace("AE08WJ6YKNBMC", "eu", "amazon.co.za", Currency::ZAR, "en_ZA"),
    marketplace("A21TJRUUN4KGV", "eu", "amazon.in", Currency::INR, "en_IN"),
    marketplace("A1VC38T7YXB528", "fe", "amazon.co.jp", Currency::JPY, "ja_JP"),
    marketplace("A39IBJ37TRP1C6", "fe", "amazon.com.au", Currency::AUD, "en_AU"),
    marketplace("A19VAU5U5O7RUS", "fe", "amazon.sg", Currency::SGD, "en_SG"),
];

impl Marketplace {
    /// ISO 3166-1 alpha-2, from the language or, where that is shared, from the domain.
    pub fn country(&self) -> &'static str {
        match self.domain {
            "amazon.com.be" => "BE",
            "amazon.sa" => "SA",
            "amazon.eg" => "EG",
            _ => self
                .language
                .split_once('_')
                .map_or("", |(_, country)| country),
        }
    }
}

pub fn find_marketplace(id: &str) -> Option<&'static Marketplace> {
    MARKETPLACES.iter().find(|known| known.id == id)
}

/// One seller on one marketplace.
#[derive(Clone, Debug)]
pub struct Account {
    pub seller_id: String,
    pub marketplace_id: String,
    /// `amazon.de`, or the id of a marketplace that is not in the table.
    pub store: String,
    pub currency: Currency,
    /// Amazon's way of writing a language: `de_DE`.
    pub language: String,
    pub tax_included: bool,
    /// Of listings that name no category.
    pub product_type: String,
    /// Of listings that state no condition.
    pub condition: String,
    /// `DEFAULT` is the seller's own warehouse.
    pub fulfillment_channel: String,
}

/// Where the channel's two servers are.
#[derive(Clone, Debug)]
pub struct Servers {
    pub endpoint: Url,
    pub token_url: Url,
}

impl Account {
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        let marketplace_id = settings.text("marketplace_id")?.trim().to_owned();
        let known = find_marketplace(&marketplace_id);
        let currency = match (settings.optional_text("currency"), known) {
            (Some(code), _) => money::currency(code).ok_or_else(|| {
                Error::config(format!("`currency = \"{code}\"` is not a currency"))
                    .hint("write the ISO 4217 code: `EUR`")
            })?,
            (None, Some(known)) => known.currency,
            (None, None) => return Err(unknown_marketplace(&marketplace_id, "currency")),
        };
        let language = match (settings.optional_text("language"), known) {
            (Some(language), _) => language.to_owned(),
            (None, Some(known)) => known.language.to_owned(),
            (None, None) => return Err(unknown_marketplace(&marketplace_id, "language")),
        };
        let or = |key, default: &str| settings.optional_text(key).unwrap_or(default).to_owned();
        Ok(Self {
            seller_id: settings.text("seller_id")?.trim().to_owned(),
            store: known
                .map_or(&*marketplace_id, |known| known.domain)
                .to_owned(),
            tax_included: known.is_none_or(|known| known.tax_included),
            product_type: or("product_type", descriptor::PRODUCT_TYPE),
            condition: or("condition", descriptor::CONDITION),
            fulfillment_channel: or("fulfillment_channel", descriptor::FULFILLMENT_CHANNEL),
            marketplace_id,
            currency,
            language,
        })
    }
}

impl Account {
    /// Amazon counts the stock of its own warehouses itself.
    pub fn is_fulfilled_by_amazon(&self) -> bool {
        self.fulfillment_channel.starts_with("AMAZON_")
    }
}

impl Servers {
    /// Source of the hosts: developer-docs.amazon.com/sp-api/docs/sp-api-endpoints.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        let marketplace_id = settings.text("marketplace_id")?.trim();
        let known = find_marketplace(marketplace_id);
        let stated = settings.optional_text("region");
        if let (Some(stated), Some(known)) = (stated, known)
            && stated != known.region
        {
            return Err(Error::config(format!(
                "`region = \"{stated}\"` does not fit `marketplace_id = \"{marketplace_id}\"`: {} is in `{}`",
                known.domain, known.region
            ))
            .hint("remove `region`: it follows from the marketplace"));
        }
        let url = |text: &str| {
            Url::parse(text)
                .map_err(|error| Error::unexpected("a built-in address is wrong").caused_by(error))
        };
        let endpoint = if settings.optional_text("endpoint").is_some() {
            settings.url("endpoint")?
        } else {
            let region = stated
                .or(known.map(|known| known.region))
                .ok_or_else(|| unknown_marketplace(marketplace_id, "region"))?;
            url(&format!("https://sellingpartnerapi-{region}.amazon.com"))?
        };
        let token_url = if settings.optional_text("token_url").is_some() {
            settings.url("token_url")?
        } else {
            url(descriptor::TOKEN_URL)?
        };
        Ok(Self {
            endpoint,
            token_url,
        })
    }
}

fn unknown_marketplace(id: &str, key: &str) -> Error {
    Error::config(format!(
        "`marketplace_id = \"{id}\"` is not known, so `{key}` has to be stated"
    ))
    .hint("ids are listed at https://developer-docs.amazon.com/sp-api/docs/marketplace-ids")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Value;

    fn settings(pairs: &[(&'static str, &str)]) -> Settings {
        let mut settings = Settings::default();
        for (key, value) in pairs {
            settings.insert(key, Value::Text((*value).to_owned()));
        }
        settings
    }

    #[test]
    fn the_marketplace_tells_currency_language_and_host() {
        let settings = settings(&[("marketplace_id", "A1F83G8C2ARO7P"), ("seller_id", "A1")]);
        let account = Account::from_settings(&settings).unwrap();
        assert_eq!(account.currency, Currency::GBP);
        assert_eq!(account.language, "en_GB");
        assert!(account.tax_included);
        let servers = Servers::from_settings(&settings).unwrap();
        assert_eq!(
            servers.endpoint.as_str(),
            "https://sellingpartnerapi-eu.amazon.com/"
        );
    }

    #[test]
    fn an_unknown_marketplace_needs_everything_stated() {
        let bare = settings(&[("marketplace_id", "ANEW"), ("seller_id", "A1")]);
        assert!(Account::from_settings(&bare).is_err());
        assert!(Servers::from_settings(&bare).is_err());
        let full = settings(&[
            ("marketplace_id", "ANEW"),
            ("seller_id", "A1"),
            ("currency", "chf"),
            ("language", "de_CH"),
            ("region", "eu"),
        ]);
        assert_eq!(
            Account::from_settings(&full).unwrap().currency,
            Currency::CHF
        );
        assert!(Servers::from_settings(&full).is_ok());
    }

    #[test]
    fn a_region_that_contradicts_the_marketplace_is_refused() {
        let settings = settings(&[("marketplace_id", "ATVPDKIKX0DER"), ("region", "eu")]);
        let error = Servers::from_settings(&settings).unwrap_err();
        assert!(error.message.contains("amazon.com is in `na`"), "{error}");
    }
}
