//! The command line: the only place that reads argv and the environment. One file a subcommand, no logic.

/// Runs the program.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
