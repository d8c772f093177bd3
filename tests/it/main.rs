//! skucast from outside: the binary on files, and what must stay true of the source tree.

mod architecture;
mod main_job;
mod safety;
mod world;
