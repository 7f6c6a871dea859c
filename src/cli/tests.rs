//! The command line as a whole.

use super::*;

#[test]
fn the_definitions_of_the_command_line_hold_together() {
    command_in(text::Lang::En).debug_assert();
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
    walk(&command_in(text::Lang::En), "", &mut found);
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
        let error = command_in(text::Lang::En).try_get_matches_from(line.split(' ')).unwrap_err();
        assert!(error.to_string().contains(said), "{line}: {error}");
    }
}

fn words_of(command: &clap::Command, path: &str, each: &mut impl FnMut(&str, String)) {
    let path = format!("{path} {}", command.get_name());
    for text in [command.get_about(), command.get_long_about()].into_iter().flatten() {
        each(&path, text.to_string());
    }
    for arg in command.get_arguments().filter(|a| !a.is_hide_set()) {
        each(&format!("{path} {}", arg.get_id()), arg.get_help().map(ToString::to_string).unwrap_or_default());
    }
    command.get_subcommands().for_each(|sub| words_of(sub, &path, each));
}

#[test]
fn every_command_and_option_has_its_words_in_both_languages() {
    let mut english = std::collections::BTreeSet::from(["Print help".to_owned(), "Print version".to_owned()]);
    let mut missing = Vec::new();
    words_of(&command_in(text::Lang::En), "", &mut |path, text| {
        if help::zh(&text).is_none() {
            missing.push(format!("{path}: {text}"));
        }
        english.insert(text);
    });
    assert!(missing.is_empty(), "no Chinese for {}", missing.join("\n"));
    let left_over: Vec<_> = help::all().map(|(en, _)| en).filter(|en| !english.contains(*en)).collect();
    assert!(left_over.is_empty(), "no option says {left_over:#?}");
    let mut not_chinese = Vec::new();
    words_of(&command_in(text::Lang::Zh), "", &mut |path, text| {
        if text.is_ascii() && !text.is_empty() {
            not_chinese.push(format!("{path}: {text}"));
        }
    });
    assert!(not_chinese.is_empty(), "{}", not_chinese.join("\n"));
}

#[test]
fn help_says_in_english_what_there_is() {
    let help = command_in(text::Lang::En).render_help().to_string();
    assert_eq!(help, include_str!("help.en.txt"));
}

#[test]
fn help_says_in_chinese_what_there_is() {
    let help = zh::usage(&command_in(text::Lang::Zh).render_help().to_string());
    assert_eq!(help.trim_end(), include_str!("help.zh.txt").trim_end());
}

#[test]
fn the_chinese_command_line_holds_together() {
    command_in(text::Lang::Zh).debug_assert();
}
