//! What the reader of baseline checks says.

/// English, Chinese.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("check `{}` is defined twice", "检查项 `{0}` 重复定义"),
    ("give one of them another id", "请改其中一个的标识"),
    ("no clause `{}`", "没有条款 `{0}`"),
    ("check `{}` judges no dialect", "检查项 `{0}` 没有任何设备的判据"),
    ("add a [[check.when]]", "请添加 [[check.when]]"),
    ("`{}` lacks a language", "`{0}` 缺少一种语言"),
    ("a variant without a test that passes and one that fails", "判据缺少符合与不符合的用例各一个"),
    ("it asks for nothing", "没有写判据"),
    ("write line, absent, group, all or any", "请写 line、absent、group、all 或 any"),
    ("no capture `{}`", "没有取值 `{0}`"),
    ("`{}` is no version constraint", "`{0}` 不是版本条件"),
    ("write \">=V200R006\", \"<V200R006\" or \"*\"", "请写 \">=V200R006\"、\"<V200R006\" 或 \"*\""),
    ("`{}` is no pattern: {}", "`{0}` 不是命令模式：{1}"),
    ("`{}` is no path from the root", "`{0}` 不是绝对路径"),
    ("write \"/etc/login.defs\"", "请写 \"/etc/login.defs\""),
    ("`{}` is no mode", "`{0}` 不是文件权限"),
    ("write \"0640\"", "请写 \"0640\""),
    ("write \"0640\" or \"0640 0:42\"", "请写 \"0640\" 或 \"0640 0:42\""),
    ("write all, any or one of: {}", "请写 all、any 或其中之一：{0}"),
    ("no keyword `{}`", "没有关键字 `{0}`"),
    ("no value `{}`", "没有值 `{0}`"),
    ("see docs/baseline.md", "见 docs/baseline.md"),
    ("check `{}`, {}: expected {}, got {}", "检查项 `{0}`，{1}：用例应为 {2}，实为 {3}"),
    ("mend the test or the check", "请修改用例或判据"),
];
