//! The search syntax of `query` arguments: terms, `field:value`, comparators, quotes, AND, OR, NOT, parentheses.
//!
//! Documented at <https://shopify.dev/docs/api/usage/search-syntax>. What no document says: a term of a field that
//! cannot be searched is left out of the search with a warning, and an unquoted time is cut at its first colon.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Chars;

use jiff::Timestamp;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    Is,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparator {
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Is => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::More => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Empty for a word that is looked for anywhere.
    pub field: String,
    pub comparator: Comparator,
    pub value: String,
    pub quoted: bool,
}

impl Term {
    /// Whether a text is what the term asks for: letter case is ignored, `abc*` is a beginning, `*` is any.
    pub fn matches_text(&self, text: &str) -> bool {
        let (text, value) = (text.to_lowercase(), self.value.to_lowercase());
        match value.strip_suffix('*').filter(|_| !self.quoted) {
            Some("") => !text.is_empty(),
            Some(beginning) => text.starts_with(beginning),
            None => text == value,
        }
    }

    /// Compares a number, also when the value is a global id.
    pub fn matches_number(&self, number: u64) -> bool {
        let value = self.value.rsplit('/').next().unwrap_or_default();
        value
            .parse()
            .is_ok_and(|value| self.comparator.holds(number.cmp(&value)))
    }

    /// Compares a moment to the second, as the API does. An unquoted time lost everything after its hour, and only
    /// its day is looked at.
    pub fn matches_time(&self, at: Timestamp) -> bool {
        let second = |at: Timestamp| at.as_second();
        let value = self.value.parse::<Timestamp>().ok().or_else(|| {
            let day = self.value.get(..10).unwrap_or(&self.value);
            let date = day.parse::<jiff::civil::Date>().ok()?;
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(midnight.timestamp())
        });
        value.is_some_and(|value| self.comparator.holds(second(at).cmp(&second(value))))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    Everything,
    Term(Term),
    Not(Box<Search>),
    All(Vec<Search>),
    Any(Vec<Search>),
}

/// What is odd about a query; told in `extensions.search`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub field: String,
    pub message: &'static str,
    pub code: &'static str,
}

impl Warning {
    pub fn document(&self) -> Value {
        json!({"field": self.field, "message": self.message, "code": self.code})
    }
}

impl Search {
    /// Reads a query. Terms of fields other than `known` are left out with a warning.
    pub fn parse(text: &str, known: &[&str]) -> (Self, Vec<Warning>) {
        let mut parser = Parser {
            rest: text.chars().peekable(),
            known,
            warnings: Vec::new(),
        };
        let search = parser.any();
        (search, parser.warnings)
    }

    pub fn matches(&self, term: &impl Fn(&Term) -> bool) -> bool {
        match self {
            Self::Everything => true,
            Self::Term(one) => term(one),
            Self::Not(inner) => !inner.matches(term),
            Self::All(parts) => parts.iter().all(|part| part.matches(term)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(term)),
        }
    }

    /// When every hit must carry one of a few values of `field`: these values. So no list is read for a look-up.
    pub fn exact(&self, field: &str) -> Option<Vec<&str>> {
        match self {
            Self::Term(term) => {
                let is_exact = term.field == field
                    && term.comparator == Comparator::Is
                    && (term.quoted || !term.value.ends_with('*'));
                is_exact.then(|| vec![term.value.as_str()])
            }
            Self::Any(parts) => parts.iter().try_fold(Vec::new(), |mut values, part| {
                values.extend(part.exact(field)?);
                Some(values)
            }),
            Self::All(parts) => parts.iter().find_map(|part| part.exact(field)),
            Self::Not(_) | Self::Everything => None,
        }
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    known: &'a [&'a str],
    warnings: Vec<Warning>,
}

impl Parser<'_> {
    fn blanks(&mut self) {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
    }

    /// A word that is next, if it is this connective.
    fn takes(&mut self, word: &str) -> bool {
        let mut ahead = self.rest.clone();
        let same = word.chars().all(|c| ahead.next() == Some(c));
        let ends = ahead
            .peek()
            .is_none_or(|c| c.is_whitespace() || *c == '(' || *c == ')');
        if same && ends {
            self.rest = ahead;
        }
        same && ends
    }

    fn any(&mut self) -> Search {
        let mut parts = vec![self.all()];
        loop {
            self.blanks();
            if !self.takes("OR") {
                break;
            }
            parts.push(self.all());
        }
        match parts.len() {
            1 => parts.remove(0),
            _ => Search::Any(parts),
        }
    }

    fn all(&mut self) -> Search {
        let mut parts = Vec::new();
        loop {
            self.blanks();
            while self.takes("AND") {
                self.blanks();
            }
            let ahead = self.rest.clone();
            if self.rest.peek().is_none_or(|c| *c == ')') || self.takes("OR") {
                self.rest = ahead;
                break;
            }
            match self.one() {
                Search::Everything => {}
                part => parts.push(part),
            }
        }
        match parts.len() {
            0 => Search::Everything,
            1 => parts.remove(0),
            _ => Search::All(parts),
        }
    }

    fn one(&mut self) -> Search {
        let negated = self.rest.next_if_eq(&'-').is_some() || self.takes("NOT");
        self.blanks();
        let inner = if self.rest.next_if_eq(&'(').is_some() {
            let inner = self.any();
            self.blanks();
            self.rest.next_if_eq(&')');
            inner
        } else {
            self.term()
        };
        match inner {
            Search::Everything => Search::Everything,
            inner if negated => Search::Not(Box::new(inner)),
            inner => inner,
        }
    }

    fn term(&mut self) -> Search {
        let (name, quoted) = self.value();
        if quoted || self.rest.next_if_eq(&':').is_none() {
            return Search::Term(Term {
                field: String::new(),
                comparator: Comparator::Is,
                value: name,
                quoted,
            });
        }
        let comparator = self.comparator();
        let (value, quoted) = self.value();
        if !quoted && self.rest.peek() == Some(&':') {
            // The rest of an unquoted time is lost.
            while self.rest.next_if(|c| !c.is_whitespace()).is_some() {}
            self.warn(
                &name,
                "The value has colons and no quotes: what follows the first one is ignored.",
                "invalid_value",
            );
        }
        if !self.known.contains(&name.as_str()) {
            self.warn(
                &name,
                "Invalid search field for this query.",
                "invalid_field",
            );
            return Search::Everything;
        }
        Search::Term(Term {
            field: name,
            comparator,
            value,
            quoted,
        })
    }

    fn comparator(&mut self) -> Comparator {
        let more = self.rest.next_if_eq(&'>').is_some();
        let less = !more && self.rest.next_if_eq(&'<').is_some();
        let equal = self.rest.next_if_eq(&'=').is_some();
        match (more, less, equal) {
            (true, _, true) => Comparator::AtLeast,
            (true, _, false) => Comparator::More,
            (_, true, true) => Comparator::AtMost,
            (_, true, false) => Comparator::Less,
            _ => Comparator::Is,
        }
    }

    /// A name or a quoted text; a backslash takes the next sign as it is.
    fn value(&mut self) -> (String, bool) {
        let quote = self.rest.next_if(|c| matches!(c, '\'' | '"'));
        let mut value = String::new();
        while let Some(next) = self.rest.peek().copied() {
            let ends = match quote {
                Some(quote) => next == quote,
                None => next.is_whitespace() || matches!(next, ':' | '(' | ')'),
            };
            if ends {
                break;
            }
            self.rest.next();
            match next {
                '\\' => value.extend(self.rest.next()),
                next => value.push(next),
            }
        }
        if quote.is_some() {
            self.rest.next();
        }
        (value, quote.is_some())
    }

    fn warn(&mut self, field: &str, message: &'static str, code: &'static str) {
        self.warnings.push(Warning {
            field: field.to_owned(),
            message,
            code,
        });
    }
}
