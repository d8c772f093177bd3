//! Connections: pages of a sorted list, with opaque cursors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Rows of one page at most.
pub const MOST_ROWS: u64 = 250;

/// One row of a list, by what it is sorted by. A cursor names this and not a place, so that it stays true when
/// rows come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub rank: i64,
    pub text: String,
    pub id: u64,
}

impl Row {
    pub fn by_id(id: u64) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    pub fn by_rank(rank: i64, id: u64) -> Self {
        Self {
            rank,
            id,
            ..Self::default()
        }
    }

    fn cursor(&self) -> String {
        STANDARD.encode(json!([self.rank, self.text, self.id]).to_string())
    }

    fn at(cursor: &str) -> Option<Self> {
        let bytes = STANDARD.decode(cursor).ok()?;
        let (rank, text, id) = serde_json::from_slice(&bytes).ok()?;
        Some(Self { rank, text, id })
    }
}

/// What the list is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    first: Option<usize>,
    last: Option<usize>,
    after: Option<Row>,
    before: Option<Row>,
    reverse: bool,
}

impl Asked {
    /// `Err` says what is wrong with the arguments, as the API does.
    pub fn new(arguments: &Map<String, Value>) -> Result<Self, String> {
        let size = |name: &str| match arguments.get(name).and_then(Value::as_i64) {
            Some(size) if size < 0 => Err(format!("{name} cannot be negative")),
            Some(size) => Ok(Some(usize::try_from(size).unwrap_or(usize::MAX))),
            None => Ok(None),
        };
        let cursor = |name: &str| match arguments.get(name).and_then(Value::as_str) {
            Some(text) => Row::at(text)
                .map(Some)
                .ok_or_else(|| "Invalid cursor for current pagination sort.".to_owned()),
            None => Ok(None),
        };
        let asked = Self {
            first: size("first")?,
            last: size("last")?,
            after: cursor("after")?,
            before: cursor("before")?,
            reverse: arguments.get("reverse") == Some(&json!(true)),
        };
        match (asked.first, asked.last) {
            (None, None) => Err("you must provide one of first or last".to_owned()),
            (Some(_), Some(_)) => Err("providing both first and last is not supported".to_owned()),
            _ => Ok(asked),
        }
    }

    /// The page that every further page repeats.
    pub fn repeated(mut self) -> Self {
        self.after = None;
        self
    }
}

/// One page as a connection's document. `node` tells a row's node, `repeats` claims that there is always more.
pub fn connection(
    mut rows: Vec<Row>,
    asked: &Asked,
    repeats: bool,
    node: impl Fn(&Row) -> Value,
) -> Value {
    rows.sort_unstable();
    if asked.reverse {
        rows.reverse();
    }
    let before = |one: &Row, other: &Row| match asked.reverse {
        true => one > other,
        false => one < other,
    };
    let start = match &asked.after {
        Some(after) => rows.partition_point(|row| !before(after, row)),
        None => 0,
    };
    let end = match &asked.before {
        Some(limit) => rows.partition_point(|row| before(row, limit)).max(start),
        None => rows.len(),
    };
    let (from, to) = match (asked.first, asked.last) {
        (Some(first), _) => (start, start.saturating_add(first).min(end)),
        (None, Some(last)) => (end.saturating_sub(last).max(start), end),
        (None, None) => (start, end),
    };
    let page = &rows[from..to];
    let edges: Vec<_> = page
        .iter()
        .map(|row| json!({"cursor": row.cursor(), "node": node(row)}))
        .collect();
    let nodes: Vec<_> = edges.iter().map(|edge| edge["node"].clone()).collect();
    json!({
        "edges": edges,
        "nodes": nodes,
        "pageInfo": {
            "hasNextPage": to < rows.len() || (repeats && !page.is_empty()),
            "hasPreviousPage": from > 0,
            "startCursor": page.first().map(Row::cursor),
            "endCursor": page.last().map(Row::cursor),
        },
    })
}
