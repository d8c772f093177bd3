//! What `-v` shows: one line per event, to standard error. Bodies, credentials and buyers never reach a log.

use tracing_subscriber::EnvFilter;

/// `-v` tells what is waited for and retried, `-vv` every request and answer. `RUST_LOG` overrides both.
pub fn start(verbose: u8) {
    let level = match verbose {
        0 => "skucast=error",
        1 => "skucast=info",
        2 => "skucast=debug",
        _ => "skucast=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let started = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .try_init();
    // Another subscriber is there already: a test's, which then sees the events.
    drop(started);
}
