//! What is wrong with channels.toml: every problem at once, each with the line where it stands.

use std::fmt;
use std::ops::Range;

use crate::domain::Error;

/// A range of bytes of the file.
pub(super) type Span = Range<usize>;

/// Everything that keeps channels.toml from being used, in the order of the file. Holds no secret: values of
/// settings that may be one are blotted out of the lines that are shown.
#[derive(Debug)]
pub struct ConfigErrors {
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the seller named it and where in it; `None` when the file as a whole cannot be read.
    pub place: Option<(String, Place)>,
    pub message: String,
    pub hints: Vec<String>,
    excerpt: Option<Excerpt>,
}

/// Line and column, in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// A line of the file and the carets below it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    line: String,
    carets: String,
}

impl ConfigErrors {
    /// The file cannot be read at all.
    pub(super) fn unreadable(message: String, hint: &str) -> Self {
        let problem = Problem {
            place: None,
            message,
            hints: vec![hint.to_owned()],
            excerpt: None,
        };
        Self {
            problems: vec![problem],
        }
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gutter = 0;
        if let Some((file, Place { line, column })) = &self.place {
            write!(f, "{file}:{line}:{column}: ")?;
            gutter = line.to_string().len();
        }
        f.write_str(&self.message)?;
        if let (Some((_, Place { line, .. })), Some(excerpt)) = (&self.place, &self.excerpt) {
            write!(f, "\n{:gutter$} |", "")?;
            write!(f, "\n{line} | {}", excerpt.line)?;
            write!(f, "\n{:gutter$} | {}", "", excerpt.carets)?;
        }
        for hint in &self.hints {
            write!(f, "\n{:gutter$} = {hint}", "")?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigErrors> for Error {
    fn from(errors: ConfigErrors) -> Self {
        Self::config(errors.to_string())
    }
}

/// Problems while they are being found.
#[derive(Default)]
pub(super) struct Problems {
    found: Vec<Finding>,
    /// What is never shown.
    hidden: Vec<Span>,
}

/// A problem whose place is still a range of bytes.
pub(super) struct Finding {
    span: Span,
    message: String,
    hints: Vec<String>,
}

impl Finding {
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hints.push(hint.into());
        self
    }
}

impl Problems {
    pub(super) fn add(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        let index = self.found.len();
        self.found.push(Finding {
            span,
            message: message.into(),
            hints: Vec::new(),
        });
        &mut self.found[index]
    }

    pub(super) fn hide(&mut self, span: Span) {
        self.hidden.push(span);
    }

    /// Takes back [`hide`](Self::hide) for a value that turned out to be harmless.
    pub(super) fn show(&mut self, span: &Span) {
        self.hidden.retain(|hidden| hidden != span);
    }

    /// The value, when nothing is wrong. It is only `None` when something is.
    pub(super) fn into_result<T>(
        mut self,
        value: Option<T>,
        file: &str,
        text: &str,
    ) -> Result<T, ConfigErrors> {
        if let (Some(value), true) = (value, self.found.is_empty()) {
            return Ok(value);
        }
        self.found.sort_by_key(|finding| finding.span.start);
        let problems = self
            .found
            .into_iter()
            .map(|finding| Problem {
                place: Some((file.to_owned(), place(text, finding.span.start))),
                excerpt: Some(Excerpt::new(text, &finding.span, &self.hidden)),
                message: finding.message,
                hints: finding.hints,
            })
            .collect();
        Err(ConfigErrors { problems })
    }
}

/// Where a byte of the file stands.
pub(super) fn place(text: &str, position: usize) -> Place {
    let line = line_around(text, position);
    Place {
        line: 1 + text[..line.start].matches('\n').count(),
        column: 1 + text[line]
            .char_indices()
            .take_while(|(offset, _)| line_start(text, position) + offset < position)
            .count(),
    }
}

/// The line that holds a byte, without its end.
pub(super) fn line_around(text: &str, position: usize) -> Span {
    let start = line_start(text, position);
    let end = text[start..]
        .find('\n')
        .map_or(text.len(), |length| start + length);
    start..start + text[start..end].trim_end_matches('\r').len()
}

fn line_start(text: &str, position: usize) -> usize {
    let before = &text.as_bytes()[..position.min(text.len())];
    before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1)
}

impl Excerpt {
    fn new(text: &str, span: &Span, hidden: &[Span]) -> Self {
        let range = line_around(text, span.start);
        let (mut line, mut carets) = (String::new(), String::new());
        let mut blotted = false;
        for (offset, character) in text[range.clone()].char_indices() {
            let position = range.start + offset;
            let hide = hidden.iter().any(|hidden| hidden.contains(&position));
            let point = span.contains(&position) || span.start == position;
            if hide && blotted {
                // One mark stands for all that is blotted out, and is pointed at for any of it.
                if point {
                    carets.pop();
                    carets.push('^');
                }
                continue;
            }
            blotted = hide;
            line.push(match character {
                _ if hide => '…',
                '\t' => ' ',
                _ => character,
            });
            carets.push(if point { '^' } else { ' ' });
        }
        // The end of the line is meant.
        if !carets.contains('^') {
            carets = " ".repeat(line.chars().count()) + "^";
        }
        carets.truncate(carets.trim_end().len());
        Self { line, carets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Span, hidden: &[Span]) -> String {
        let mut problems = Problems::default();
        problems.add(span, "wrong").hint("do this");
        hidden.iter().for_each(|span| problems.hide(span.clone()));
        problems
            .into_result(Some(()), "channels.toml", text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn carets_stand_below_what_is_meant() {
        assert_eq!(
            shown("a = 1\r\nü = true\r\n", 12..16, &[]),
            "channels.toml:2:5: wrong\n  |\n2 | ü = true\n  |     ^^^^\n  = do this"
        );
    }

    #[test]
    fn the_end_of_the_file_can_be_meant() {
        assert_eq!(
            shown("a = ", 4..4, &[]),
            "channels.toml:1:5: wrong\n  |\n1 | a = \n  |     ^\n  = do this"
        );
    }

    #[test]
    fn hidden_values_are_blotted_out_wherever_the_caret_is() {
        let text = "s = { key = \"secret\", kind = 1 }";
        let hidden = 12..20;
        assert_eq!(
            shown(text, 29..30, std::slice::from_ref(&hidden)),
            "channels.toml:1:30: wrong\n  |\n1 | s = { key = …, kind = 1 }\n  |                       ^\n  = do this"
        );
        assert_eq!(
            shown(text, 14..20, &[hidden]),
            "channels.toml:1:15: wrong\n  |\n1 | s = { key = …, kind = 1 }\n  |             ^\n  = do this"
        );
    }
}
