//! Progress per channel: bars on a terminal, a few plain lines elsewhere, never both.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::app::Progress;
use crate::cli::render::text::{clean, number, span};
use crate::domain::ids::ChannelName;

/// Between two lines about the same stretch of work.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);
const BAR: &str = "{prefix:16} {msg:10} [{bar:24}] {human_pos}/{human_len}  {rate}  {left}";
const SPINNER: &str = "{prefix:16} {msg} {spinner} {human_pos}";

/// Shows what every channel is busy with.
pub struct Bars(Show);

enum Show {
    Silent,
    /// Only what the use cases say, not how far they are.
    Words,
    Drawn {
        all: MultiProgress,
        channels: Mutex<HashMap<ChannelName, ProgressBar>>,
    },
    Lines {
        channels: Mutex<HashMap<ChannelName, Stretch>>,
        every: Duration,
        write: Box<dyn Fn(&str) + Send + Sync>,
    },
}

/// What one channel does from one `begin` to its `end`.
struct Stretch {
    what: String,
    total: u64,
    done: u64,
    started: Instant,
    told: Instant,
}

impl Bars {
    pub fn silent() -> Self {
        Self(Show::Silent)
    }

    pub(super) fn words() -> Self {
        Self(Show::Words)
    }

    pub(super) fn drawn(all: MultiProgress) -> Self {
        Self(Show::Drawn {
            all,
            channels: Mutex::default(),
        })
    }

    pub(super) fn lines() -> Self {
        Self::written(LINE_EVERY, tell)
    }

    fn written(every: Duration, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Show::Lines {
            channels: Mutex::default(),
            every,
            write: Box::new(write),
        })
    }
}

impl fmt::Debug for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Show::Silent => "Bars(silent)",
            Show::Words => "Bars(words)",
            Show::Drawn { .. } => "Bars(drawn)",
            Show::Lines { .. } => "Bars(lines)",
        })
    }
}

/// One line on standard error.
fn tell(line: &str) {
    // When nobody can be told there is nobody to tell that to.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A panic elsewhere must not take the display with it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn style(template: &str) -> ProgressStyle {
    // A template that does not parse would only cost its looks.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // Nothing is lost when this cannot be written: it is drawn again at once.
            let _ = write!(out, "{:.0}/s", state.per_sec());
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // Before the first is done nobody knows how long the rest takes.
            if state.pos() > 0 {
                let _ = write!(out, "{:#} left", HumanDuration(state.eta()));
            }
        })
        .progress_chars("=> ")
}

impl Stretch {
    fn line(&self, channel: &ChannelName) -> String {
        let Self { what, done, .. } = self;
        let channel = clean(channel.as_str());
        let done_words = if self.total == 0 {
            number(*done)
        } else {
            format!("{}/{}", number(*done), number(self.total))
        };
        let elapsed = self.started.elapsed().as_secs_f64();
        let left = self.total.saturating_sub(*done);
        if left == 0 || *done == 0 || elapsed <= 0.0 {
            return format!("{channel}: {what} {done_words}");
        }
        let rate = *done as f64 / elapsed;
        let remaining = (left as f64 / rate).ceil() as i64;
        format!(
            "{channel}: {what} {done_words}, {rate:.1}/s, about {} left",
            span(remaining)
        )
    }
}

impl Progress for Bars {
    fn begin(&self, channel: &ChannelName, what: &str, total: u64) {
        match &self.0 {
            Show::Silent | Show::Words => {}
            Show::Drawn { all, channels } => {
                let mut channels = locked(channels);
                let bar = channels
                    .entry(channel.clone())
                    .or_insert_with(|| all.add(ProgressBar::no_length()));
                bar.reset();
                bar.set_prefix(clean(channel.as_str()).into_owned());
                bar.set_message(clean(what).into_owned());
                if total == 0 {
                    bar.unset_length();
                    bar.set_style(style(SPINNER));
                } else {
                    bar.set_length(total);
                    bar.set_style(style(BAR));
                }
                bar.enable_steady_tick(TICK);
            }
            Show::Lines {
                channels, write, ..
            } => {
                let what = clean(what).into_owned();
                let name = clean(channel.as_str());
                if total == 0 {
                    write(&format!("{name}: {what}"));
                } else {
                    write(&format!("{name}: {what} 0/{}", number(total)));
                }
                let now = Instant::now();
                let stretch = Stretch {
                    what,
                    total,
                    done: 0,
                    started: now,
                    told: now,
                };
                locked(channels).insert(channel.clone(), stretch);
            }
        }
    }

    fn advance(&self, channel: &ChannelName, steps: u64) {
        match &self.0 {
            Show::Silent | Show::Words => {}
            Show::Drawn { channels, .. } => {
                if let Some(bar) = locked(channels).get(channel) {
                    bar.inc(steps);
                }
            }
            Show::Lines {
                channels,
                every,
                write,
            } => {
                if let Some(stretch) = locked(channels).get_mut(channel) {
                    stretch.done += steps;
                    // The end has a line of its own.
                    let is_over = stretch.total > 0 && stretch.done >= stretch.total;
                    if !is_over && stretch.told.elapsed() >= *every {
                        stretch.told = Instant::now();
                        write(&stretch.line(channel));
                    }
                }
            }
        }
    }

    fn end(&self, channel: &ChannelName) {
        match &self.0 {
            Show::Silent | Show::Words => {}
            Show::Drawn { all, channels } => {
                if let Some(bar) = locked(channels).remove(channel) {
                    bar.finish_and_clear();
                    all.remove(&bar);
                }
            }
            Show::Lines {
                channels, write, ..
            } => {
                if let Some(stretch) = locked(channels).remove(channel) {
                    let took = span(stretch.started.elapsed().as_secs() as i64);
                    write(&format!("{}, done in {took}", stretch.end_line(channel)));
                }
            }
        }
    }

    fn say(&self, channel: &ChannelName, text: &str) {
        let line = format!("{}: {}", clean(channel.as_str()), clean(text));
        match &self.0 {
            Show::Silent => {}
            Show::Drawn { all, .. } => {
                // When nobody can be told there is nobody to tell that to.
                let _ = all.println(line);
            }
            Show::Words => tell(&line),
            Show::Lines { write, .. } => write(&line),
        }
    }
}

impl Stretch {
    fn end_line(&self, channel: &ChannelName) -> String {
        let channel = clean(channel.as_str());
        if self.total == 0 {
            format!("{channel}: {} {}", self.what, number(self.done))
        } else {
            let (done, total) = (number(self.done), number(self.total));
            format!("{channel}: {} {done}/{total}", self.what)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn recorded(every: Duration) -> (Bars, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let bars = Bars::written(every, move |line| locked(&sink).push(line.to_owned()));
        (bars, lines)
    }

    #[test]
    fn a_stretch_is_told_at_its_start_and_end_only() {
        let (bars, lines) = recorded(Duration::from_secs(3_600));
        let shop = "shop".into();
        bars.begin(&shop, "stock", 1_500);
        for _ in 0..15 {
            bars.advance(&shop, 100);
        }
        bars.end(&shop);
        bars.end(&shop);
        bars.begin(&shop, "orders", 0);
        bars.advance(&shop, 7);
        bars.end(&shop);
        assert_eq!(
            *locked(&lines),
            [
                "shop: stock 0/1,500",
                "shop: stock 1,500/1,500, done in 0 s",
                "shop: orders",
                "shop: orders 7, done in 0 s"
            ]
        );
    }

    #[test]
    fn a_long_stretch_is_told_in_between() {
        let (bars, lines) = recorded(Duration::ZERO);
        let shop = "shop".into();
        bars.begin(&shop, "price", 10);
        bars.advance(&shop, 4);
        bars.advance(&shop, 6);
        bars.end(&shop);
        let lines = locked(&lines);
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("shop: price 4/10, "), "{}", lines[1]);
        assert!(lines[1].ends_with(" left"), "{}", lines[1]);
    }

    #[test]
    fn channels_do_not_mix_and_words_of_others_are_cleaned() {
        let (bars, lines) = recorded(Duration::from_secs(3_600));
        let (shop, amazon) = ("shop".into(), "amazon-de".into());
        bars.begin(&shop, "stock", 2);
        bars.begin(&amazon, "stock", 5);
        bars.advance(&amazon, 5);
        bars.end(&amazon);
        bars.end(&shop);
        bars.say(&shop, "slow\u{1b}[2J");
        assert_eq!(
            locked(&lines)[2..],
            [
                "amazon-de: stock 5/5, done in 0 s",
                "shop: stock 0/2, done in 0 s",
                "shop: slow\u{FFFD}[2J"
            ]
        );
    }

    #[test]
    fn bars_count_what_they_are_told() {
        let hidden = MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden());
        let bars = Bars::drawn(hidden);
        let shop: ChannelName = "shop".into();
        bars.begin(&shop, "stock", 10);
        bars.advance(&shop, 4);
        let Show::Drawn { channels, .. } = &bars.0 else {
            panic!("drawn");
        };
        let bar = locked(channels)[&shop].clone();
        assert_eq!((bar.position(), bar.length()), (4, Some(10)));
        bars.begin(&shop, "orders", 0);
        assert_eq!((bar.position(), bar.length()), (0, None));
        bars.end(&shop);
        assert!(bar.is_finished() && locked(channels).is_empty());
    }
}
