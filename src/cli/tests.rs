//! The command line as a whole.

use super::*;

#[test]
fn the_definitions_of_the_command_line_hold_together() {
    command().debug_assert();
}

fn walk(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    let path = format!("{path} {}", command.get_name());
    if command.get_about().is_none() {
        found.push(format!("{path}: no words"));
    }
    for arg in command.get_arguments().filter(|a| !a.is_hide_set()) {
        if arg.get_help().is_none() {
            found.push(format!("{path} {}: no words", arg.get_id()));
        }
    }
    command.get_subcommands().for_each(|sub| walk(sub, &path, found));
}

#[test]
fn every_command_and_option_says_what_it_is() {
    let mut found = Vec::new();
    walk(&command(), "", &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn wrong_use_is_refused_before_anything_runs() {
    for (line, said) in [
        ("fengsui", "Usage: fengsui <COMMAND>"),
        ("fengsui incidnt list", "a similar subcommand exists: 'incident'"),
        ("fengsui incident ack", "required arguments were not provided"),
        ("fengsui incident ack x --for soon", "`soon` is no duration; write 30s, 15m, 2h or 90d"),
        ("fengsui incident ack x --for 1h --sticky", "cannot be used with '--sticky'"),
        ("fengsui incident assign x", "--to <WHO>"),
        ("fengsui incident list --url https://c", "--token-file <FILE>"),
        ("fengsui secret set x hush", "unexpected argument 'hush'"),
        ("fengsui up --listen here", "invalid value 'here' for '--listen <ADDR>'"),
    ] {
        let error = command().try_get_matches_from(line.split(' ')).unwrap_err();
        assert!(error.to_string().contains(said), "{line}: {error}");
    }
}
