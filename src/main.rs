use std::process::ExitCode;

fn main() -> ExitCode {
    skucast::cli::run(std::env::args_os())
}
