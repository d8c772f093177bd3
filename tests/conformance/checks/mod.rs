//! The tests. Each says what a channel must be able to do for it, and gets a world of its own.

mod declared;
mod export;
mod families;
mod faults;
mod orders;
mod settings;
mod stock;
mod sync;

use std::pin::Pin;

use skucast::domain::capability::{Routes, Variants};

use crate::subject::Subject;

/// What a test asks of a channel.
#[derive(Clone, Copy)]
pub enum Need {
    /// A server that can be emulated.
    Sandbox,
    /// A name of `Capability::rows`.
    Declared(&'static str),
    NotDeclared(&'static str),
    /// Stock that can be set at once, while a submission is on its way.
    DirectStockBesideSubmissions,
    /// Content that goes out in many batches, each answered at once.
    DirectContent,
    Tokens,
    Grouping,
}

impl Need {
    /// Why this channel is not for the test.
    pub fn missing(self, subject: &Subject) -> Option<String> {
        let declares = |name: &str| {
            subject
                .capability()
                .rows()
                .iter()
                .find(|row| row.0 == name)
                .unwrap_or_else(|| panic!("`{name}` is no capability"))
                .2
        };
        let limits = subject.limits();
        let direct = |routes: Routes| routes.direct.is_some();
        let (met, reason) = match self {
            Self::Sandbox => (
                subject.factory.sandbox.is_some(),
                "the channel is not a server".to_owned(),
            ),
            Self::Declared(name) => (declares(name), format!("`{name}` is not declared")),
            Self::NotDeclared(name) => (!declares(name), format!("`{name}` is declared")),
            Self::DirectStockBesideSubmissions => (
                declares("submissions") && direct(limits.stock) && limits.listing.direct.is_none(),
                "a few changes of content are answered at once".to_owned(),
            ),
            Self::DirectContent => (
                direct(limits.listing),
                "content goes out in one submission".to_owned(),
            ),
            Self::Tokens => (
                subject.has_tokens(),
                "the channel hands out no tokens".to_owned(),
            ),
            Self::Grouping => (
                limits.variants != Variants::Flat || subject.factory.sandbox.is_none(),
                "the channel does not group variants".to_owned(),
            ),
        };
        (!met).then_some(reason)
    }
}

pub struct Check {
    pub name: &'static str,
    pub needs: &'static [Need],
    pub run: fn(Subject) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Makes the list of a module's tests: `name: [needs]`.
macro_rules! checks {
    ($($name:ident: [$($need:expr),* $(,)?]),* $(,)?) => {
        pub fn checks() -> Vec<$crate::checks::Check> {
            vec![$($crate::checks::Check {
                name: stringify!($name),
                needs: &[$($need),*],
                run: |subject| Box::pin($name(subject)),
            }),*]
        }
    };
}
use checks;

pub fn all() -> Vec<Check> {
    [
        settings::checks(),
        declared::checks(),
        sync::checks(),
        families::checks(),
        export::checks(),
        stock::checks(),
        orders::checks(),
        faults::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
