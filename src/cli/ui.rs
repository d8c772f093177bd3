//! The terminal: data goes to standard output, talk to standard error. What may be shown is decided once.

mod bars;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};

use super::render::text::{Paint, Tone};
use crate::domain::{Error, Result};

pub use bars::Bars;

/// `--color`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// Where a terminal reads it, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// What the command line asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct UiOptions {
    pub color: ColorChoice,
    pub quiet: bool,
    /// How often `-v` was given.
    pub verbose: u8,
    pub no_progress: bool,
    pub json: bool,
}

/// What stands at the three streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminals {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// `NO_COLOR` is set to something.
    pub no_color: bool,
    /// `TERM=dumb`: neither colors nor a cursor that moves.
    pub dumb: bool,
}

impl Terminals {
    pub fn detect() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            no_color: is_set("NO_COLOR"),
            dumb: std::env::var_os("TERM").is_some_and(|term| term == "dumb"),
        }
    }
}

/// How this run talks.
#[derive(Clone, Debug)]
pub struct Ui {
    pub quiet: bool,
    pub verbose: u8,
    /// One JSON document instead of text.
    pub json: bool,
    /// Bars that move; without them progress is told in lines.
    pub progress: bool,
    /// Somebody can answer a question.
    pub interactive: bool,
    no_progress: bool,
    color_data: bool,
    color_talk: bool,
    bars: MultiProgress,
}

impl Ui {
    pub fn new(options: &UiOptions) -> Self {
        Self::decide(options, Terminals::detect())
    }

    pub fn decide(options: &UiOptions, terminals: Terminals) -> Self {
        let color = |is_terminal: bool| match options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !terminals.no_color && !terminals.dumb,
        };
        // Log lines of `-v` and bars would write over each other.
        let progress = terminals.stderr
            && !terminals.dumb
            && !options.no_progress
            && !options.quiet
            && options.verbose == 0;
        let target = if progress {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            quiet: options.quiet,
            verbose: options.verbose,
            json: options.json,
            progress,
            interactive: terminals.stdin && terminals.stderr,
            no_progress: options.no_progress,
            color_data: color(terminals.stdout) && !options.json,
            color_talk: color(terminals.stderr),
            bars: MultiProgress::with_draw_target(target),
        }
    }

    /// For what goes to standard output.
    pub fn paint(&self) -> Paint {
        Paint {
            color: self.color_data,
        }
    }

    /// For what goes to standard error.
    pub fn talk_paint(&self) -> Paint {
        Paint {
            color: self.color_talk,
        }
    }

    /// Writes data to standard output. A reader that has seen enough is no error; a full disk is.
    pub fn data(&self, text: &str) -> Result<()> {
        self.bars
            .suspend(|| write_data(&mut io::stdout().lock(), text))
    }

    /// One line, or a block of lines, for the person at the terminal; nothing when quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.talk(text);
        }
    }

    /// Said even when quiet.
    pub fn warn(&self, text: &str) {
        let label = self.talk_paint().text(Tone::Warning, "warning:");
        self.talk(&format!("{label} {text}"));
    }

    /// Said even when quiet: an error that was rendered by [`report`](super::report).
    pub fn complain(&self, text: &str) {
        self.talk(text);
    }

    /// Asks a question that only `y` or `yes` answers with yes. `false` at once when nobody can answer.
    pub fn confirm(&self, question: &str) -> bool {
        if !self.interactive {
            return false;
        }
        self.bars
            .suspend(|| ask(question, &mut io::stdin().lock(), &mut io::stderr().lock()))
    }

    /// What the use cases tell their progress to.
    pub fn progress(&self) -> Bars {
        if self.progress {
            Bars::drawn(self.bars.clone())
        } else if self.quiet {
            Bars::silent()
        } else if self.no_progress || self.json {
            Bars::words()
        } else {
            Bars::lines()
        }
    }

    fn talk(&self, text: &str) {
        // When nobody can be told there is nobody to tell that to.
        self.bars.suspend(|| {
            let _ = writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n'));
        });
    }
}

fn write_data(out: &mut impl Write, text: &str) -> Result<()> {
    let line_end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(line_end.as_bytes()))
        .and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::config("standard output cannot be written")
                .caused_by(error)
                .hint("what was printed so far is not complete"))
        }
        _ => Ok(()),
    }
}

fn ask(question: &str, input: &mut impl BufRead, out: &mut impl Write) -> bool {
    let asked = write!(out, "{question} [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    asked.is_ok()
        && input.read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Terminals = Terminals {
        stdin: true,
        stdout: true,
        stderr: true,
        no_color: false,
        dumb: false,
    };

    #[test]
    fn colors_follow_the_flag_then_the_environment_then_the_stream() {
        let colors = |color, terminals| {
            let options = UiOptions {
                color,
                ..UiOptions::default()
            };
            let ui = Ui::decide(&options, terminals);
            (ui.paint().color, ui.talk_paint().color)
        };
        let piped = Terminals {
            stdout: false,
            ..TERMINAL
        };
        let no_color = Terminals {
            no_color: true,
            ..TERMINAL
        };
        let dumb = Terminals {
            dumb: true,
            ..TERMINAL
        };
        assert_eq!(colors(ColorChoice::Auto, TERMINAL), (true, true));
        assert_eq!(colors(ColorChoice::Auto, piped), (false, true));
        assert_eq!(colors(ColorChoice::Auto, no_color), (false, false));
        assert_eq!(colors(ColorChoice::Auto, dumb), (false, false));
        assert_eq!(colors(ColorChoice::Always, no_color), (true, true));
        assert_eq!(colors(ColorChoice::Never, TERMINAL), (false, false));
    }

    #[test]
    fn bars_need_a_terminal_and_silence_from_everything_else() {
        let progress = |options: UiOptions, terminals| Ui::decide(&options, terminals).progress;
        let options = UiOptions::default();
        let no_terminal = Terminals::default();
        assert!(progress(options, TERMINAL));
        assert!(!progress(options, no_terminal));
        assert!(!progress(
            UiOptions {
                no_progress: true,
                ..options
            },
            TERMINAL
        ));
        assert!(!progress(
            UiOptions {
                quiet: true,
                ..options
            },
            TERMINAL
        ));
        assert!(!progress(
            UiOptions {
                verbose: 1,
                ..options
            },
            TERMINAL
        ));
    }

    #[test]
    fn nobody_to_ask_means_no() {
        let piped = Terminals {
            stdin: false,
            ..TERMINAL
        };
        assert!(!Ui::decide(&UiOptions::default(), piped).confirm("Really?"));
    }

    #[test]
    fn only_yes_is_yes() {
        for (answer, yes) in [
            ("y\n", true),
            ("YES\n", true),
            ("\n", false),
            ("", false),
            ("yep\n", false),
        ] {
            let mut out = Vec::new();
            assert_eq!(
                ask("End 3 listings?", &mut answer.as_bytes(), &mut out),
                yes,
                "{answer:?}"
            );
            assert_eq!(out, b"End 3 listings? [y/N] ");
        }
    }

    /// Fails every write in one way.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_fine_and_a_full_disk_is_not() {
        assert!(write_data(&mut Failing(ErrorKind::BrokenPipe), "x").is_ok());
        assert!(write_data(&mut Failing(ErrorKind::StorageFull), "x").is_err());
        let mut out = Vec::new();
        write_data(&mut out, "x").unwrap();
        write_data(&mut out, "y\n").unwrap();
        write_data(&mut out, "").unwrap();
        assert_eq!(out, b"x\ny\n");
    }
}
