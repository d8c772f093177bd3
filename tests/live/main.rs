//! The binary in shops that anybody can host. `tests/live/run` starts real servers for it; without them, their emulations
//! stand in.

mod day;
mod files;
#[path = "../conformance/live/mod.rs"]
mod live;
#[path = "../conformance/pictures.rs"]
mod pictures;
mod shops;
mod truth;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "shared with the tests of the program")]
mod world;

#[test]
fn medusa_day() {
    day::passes("medusa");
}

#[test]
fn medusa_files() {
    files::load("medusa");
}

#[test]
fn vendure_day() {
    day::passes("vendure");
}

#[test]
fn vendure_files() {
    files::load("vendure");
}

#[test]
fn one_truth_of_stock() {
    truth::holds();
}
