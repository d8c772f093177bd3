//! skucast from outside: the binary on files, and what must stay true of the source tree.

mod architecture;
mod docs;
mod export;
mod main_job;
mod safety;
mod world;
