//! The `fengsui` binary: everything is in the library, see `cli`.

fn main() -> std::process::ExitCode {
    fengsui::cli::main()
}
