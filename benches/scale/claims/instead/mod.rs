//! What a seller would do instead: a script over a good library.
//!
//! Everybody is a whole process, timed from its start to its end, ours with the binary as a seller runs it. The start of
//! Python and the import of its packages count, because a seller waits for them with every run. They are a fixed cost,
//! so that small sizes flatter us: `--size` tells how much of a ratio is theirs.
//!
//! The scripts do less. What is compared is the time until the changed rows are known, and until the changes have
//! arrived. What is not:
//!
//! - they compute no policy: no price per channel, no buffer or share of a stock, no template of a title, and they check
//!   no row;
//! - they keep no ledger: what they compare with is the file of last time, whether it arrived or not, and what a run that
//!   broke off has sent is not known;
//! - they know nothing of orders: what was sold since the file was written is offered again;
//! - they do not learn what a listing is called by the channel: they are given its id;
//! - they know no quota, do not try again, and end at the first refusal.

pub mod diff;
pub mod push;
