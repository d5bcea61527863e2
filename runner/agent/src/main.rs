//! `proctor-runner`: executes procedures where the data lives and keeps the evidence there.

fn main() -> std::process::ExitCode {
    runner_agent::main(std::env::args_os())
}
