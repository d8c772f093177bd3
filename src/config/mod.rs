//! channels.toml: what the seller declares.

pub mod settings;
