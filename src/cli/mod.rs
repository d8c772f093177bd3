//! The command line: the only place that knows which connector, ledger and files stand behind the traits.

pub mod documents;
pub mod init;
pub mod render;
pub mod report;
pub mod ui;
