//! Chinese for what clap says of wrong use and in its help. What the layers below say is `config::zh`'s; words
//! that the command line itself says stand beside their English where they are said.

use crate::config::zh::apply;

pub use crate::config::zh::line;

/// What clap says of wrong use, or a help page.
pub fn usage(english: &str) -> String {
    let one = |line: &str| {
        let at = line.len() - line.trim_start().len();
        let (indent, words) = line.split_at(at);
        let found = USAGE.iter().find_map(|pattern| apply(pattern, words));
        format!("{indent}{}", found.unwrap_or_else(|| words.to_owned()))
    };
    let lines: Vec<String> = english.lines().map(one).collect();
    lines.join("\n").replace("[OPTIONS]", "[选项]")
}

/// What clap says.
const USAGE: &[(&str, &str)] = &[
    ("error: unrecognized subcommand '{}'", "错误：没有子命令 '{0}'"),
    ("error: unexpected argument '{}' found", "错误：没有参数 '{0}'"),
    ("error: the following required arguments were not provided:", "错误：缺少必需的参数："),
    ("error: invalid value '{}' for '{}': {}", "错误：'{1}' 的值 '{0}' 无效：{2}"),
    ("error: invalid value '{}' for '{}'", "错误：'{1}' 的值 '{0}' 无效"),
    ("error: the argument '{}' cannot be used with '{}'", "错误：参数 '{0}' 不能与 '{1}' 同用"),
    ("error: the argument '{}' cannot be used with:", "错误：参数 '{0}' 不能与以下参数同用："),
    ("error: the argument '{}' cannot be used multiple times", "错误：参数 '{0}' 只能写一次"),
    ("error: a value is required for '{}' but none was supplied", "错误：'{0}' 缺少值"),
    ("error: '{}' requires a subcommand but one was not provided", "错误：'{0}' 需要子命令"),
    ("error: unexpected value '{}' for '{}' found; no more were expected", "错误：'{1}' 多出了值 '{0}'"),
    ("error: {}", "错误：{0}"),
    ("tip: a similar subcommand exists: '{}'", "提示：有相近的子命令：'{0}'"),
    ("tip: some similar subcommands exist: {}", "提示：有相近的子命令：{0}"),
    ("tip: a similar argument exists: '{}'", "提示：有相近的参数：'{0}'"),
    ("tip: some similar arguments exist: {}", "提示：有相近的参数：{0}"),
    ("tip: a similar value exists: '{}'", "提示：有相近的值：'{0}'"),
    ("tip: to pass '{}' as a value, use '{}'", "提示：要把 '{0}' 作为值，请写 '{1}'"),
    ("[possible values: {}]", "[可用：{0}]"),
    ("[subcommands: {}]", "[子命令：{0}]"),
    ("Usage: {}", "用法：{0}"),
    ("For more information, try '{}'.", "详见 '{0}'"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_use_is_refused_in_chinese() {
        let error = crate::cli::command_in(crate::cli::text::Lang::Zh)
            .try_get_matches_from(["fengsui", "incidnt"])
            .unwrap_err();
        assert_eq!(
            usage(&error.to_string()),
            "错误：没有子命令 'incidnt'\n\n  提示：有相近的子命令：'incident'\n\n用法：fengsui <命令>\n\n详见 '--help'"
        );
    }
}
