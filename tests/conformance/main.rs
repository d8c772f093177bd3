//! One suite for every registered connector: what a connector declares is tested, what it does not declare must
//! say so. A new connector is tested by being registered.
//!
//! With `SKUCAST_LIVE_VENDURE` and the like (see `live`), a real server takes the place of its sandbox.
//!
//! With `SKUCAST_SPECS` naming a folder of the vendors' specifications, everything that went over the wire
//! meanwhile is then held against them.

mod checks;
mod contract;
mod frail;
mod goods;
mod live;
mod pictures;
mod saboteur;
mod subject;
mod watched;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Trial};

use checks::Check;
use subject::Subject;

/// Tests wait for emulated channels much more than they compute.
const SIDE_BY_SIDE: usize = 12;
/// Of a whole test.
const LONGEST: Duration = Duration::from_secs(150);
/// Of one that a real server judges.
const LONGEST_LIVE: Duration = Duration::from_secs(900);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let at_once = if live::any() { 1 } else { SIDE_BY_SIDE };
    arguments.test_threads = arguments.test_threads.or(Some(at_once));
    let trials = Subject::all()
        .into_iter()
        .flat_map(|subject| {
            checks::all()
                .into_iter()
                .map(move |check| trial(subject, check))
        })
        .collect();
    let suite = libtest_mimic::run(&arguments, trials);
    let contracts = libtest_mimic::run(&arguments, contract::trials());
    if suite.has_failed() || contracts.has_failed() {
        ExitCode::from(101)
    } else {
        ExitCode::SUCCESS
    }
}

fn trial(subject: Subject, check: Check) -> Trial {
    let name = format!("{}::{}", subject.name(), check.name);
    Trial::ignorable_test(name, move || {
        if let Some(reason) = check.needs.iter().find_map(|need| need.missing(&subject)) {
            return Ok(Completion::ignored_with(reason));
        }
        let kind = subject.factory.descriptor.kind;
        if let Some(reason) = live::not_for(kind, check.name) {
            return Ok(Completion::ignored_with(reason));
        }
        let longest = if live::judges(kind) {
            LONGEST_LIVE
        } else {
            LONGEST
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            tokio::time::timeout(longest, (check.run)(subject))
                .await
                .map_err(|_| format!("took longer than {longest:?}"))
        })?;
        Ok(Completion::Completed)
    })
}
