//! Errors in a seller's words. The only place that prints one.

use std::error::Error as _;

use super::render::text::{Paint, Tone, clean};
use super::ui::Ui;
use crate::domain::Error;

/// Causes below this are not told: a chain that never ends must not either.
const DEEPEST: usize = 16;

/// `error:` with where it happened, `caused by:` and `hint:`, for standard error.
pub fn error(error: &Error, ui: &Ui) -> String {
    text(error, ui.talk_paint())
}

pub fn text(error: &Error, paint: Paint) -> String {
    let mut out = labeled(&paint.text(Tone::Bad, "error:"), &error.message);
    for (key, value) in &error.context {
        out.push_str(&format!("  {key}: {}\n", clean(value)));
    }
    if error.in_doubt {
        out.push_str("  the channel may have carried this out; the next run looks it up first\n");
    }
    let mut told = error.message.clone();
    let mut hints: Vec<&str> = error.hints.iter().map(String::as_str).collect();
    let mut cause = error.source();
    for _ in 0..DEEPEST {
        let Some(next) = cause else { break };
        let message = next.to_string();
        // Many libraries repeat their cause in their own message.
        if !told.contains(message.trim()) {
            let label = paint.text(Tone::Strong, "caused by:");
            out.push_str(&labeled(&label, &message));
            told = message;
        }
        if let Some(ours) = next.downcast_ref::<Error>() {
            hints.extend(ours.hints.iter().map(String::as_str));
        }
        cause = next.source();
    }
    for (position, hint) in hints.iter().enumerate() {
        if !hints[..position].contains(hint) {
            out.push_str(&labeled(&paint.text(Tone::Strong, "hint:"), hint));
        }
    }
    out
}

/// Keeps the lines of a message: a parser that points at a place does so with lines of its own.
fn labeled(label: &str, message: &str) -> String {
    let mut out = String::new();
    for (position, line) in message.trim_end().lines().enumerate() {
        if position == 0 {
            out.push_str(label);
            out.push(' ');
        } else {
            out.push_str("  ");
        }
        out.push_str(&clean(line));
        out.push('\n');
    }
    if out.is_empty() {
        out = format!("{label} (no message)\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_where_why_and_what_to_do() {
        let inner = Error::unexpected("connection reset by peer").hint("check the network");
        let error = Error::unexpected("the channel did not answer")
            .with("channel", "amazon-de")
            .with("request id", "r-\u{1b}[2J1")
            .caused_by(inner)
            .hint("run again later")
            .hint("check the network")
            .in_doubt();
        insta::assert_snapshot!(text(&error, Paint::PLAIN), @"
        error: the channel did not answer
          channel: amazon-de
          request id: r-�[2J1
          the channel may have carried this out; the next run looks it up first
        caused by: connection reset by peer
        hint: run again later
        hint: check the network
        ");
    }

    #[test]
    fn a_parser_that_points_at_a_place_keeps_its_lines() {
        let error = Error::config("channels.toml cannot be read")
            .caused_by("line 5\n  |\n5 | tokn = 1\n  | ^^^^");
        insta::assert_snapshot!(text(&error, Paint::PLAIN), @"
        error: channels.toml cannot be read
        caused by: line 5
            |
          5 | tokn = 1
            | ^^^^
        ");
    }

    #[test]
    fn a_cause_that_was_told_is_not_repeated() {
        let error = Error::config("cannot open a.csv: not found").caused_by("not found");
        assert_eq!(
            text(&error, Paint::PLAIN),
            "error: cannot open a.csv: not found\n"
        );
        assert_eq!(
            text(&Error::config(""), Paint::PLAIN),
            "error: (no message)\n"
        );
    }
}
