//! Administrative divisions that a set-up proposes (GB/T 2260): enough to begin in one autonomous region by
//! choosing a name. Everything else is typed by hand, code and name.

/// The province above all of them.
pub(super) const PROVINCE: (&str, &str) = ("650000", "新疆维吾尔自治区");

/// Prefectures: code, name.
pub(super) const PREFECTURES: &[(&str, &str)] = &[
    ("650100", "乌鲁木齐市"),
    ("650200", "克拉玛依市"),
    ("650400", "吐鲁番市"),
    ("650500", "哈密市"),
    ("652300", "昌吉回族自治州"),
    ("652700", "博尔塔拉蒙古自治州"),
    ("652800", "巴音郭楞蒙古自治州"),
    ("652900", "阿克苏地区"),
    ("653000", "克孜勒苏柯尔克孜自治州"),
    ("653100", "喀什地区"),
    ("653200", "和田地区"),
    ("654000", "伊犁哈萨克自治州"),
    ("654200", "塔城地区"),
    ("654300", "阿勒泰地区"),
];

/// Counties by prefecture, as far as they are proposed: prefecture, code, name.
pub(super) const COUNTIES: &[(&str, &str, &str)] = &[
    ("652900", "652901", "阿克苏市"),
    ("652900", "652902", "库车市"),
    ("652900", "652922", "温宿县"),
    ("652900", "652924", "沙雅县"),
    ("652900", "652925", "新和县"),
    ("652900", "652926", "拜城县"),
    ("652900", "652927", "乌什县"),
    ("652900", "652928", "阿瓦提县"),
    ("652900", "652929", "柯坪县"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_a_tree_and_stand_once() {
        let all: Vec<&str> = PREFECTURES.iter().map(|p| p.0).chain(COUNTIES.iter().map(|c| c.1)).collect();
        for (at, code) in all.iter().enumerate() {
            assert!(code.len() == 6 && code.starts_with("65") && !all[at + 1..].contains(code), "{code}");
        }
        assert!(PREFECTURES.iter().all(|p| p.0.ends_with("00")));
        assert!(
            COUNTIES
                .iter()
                .all(|(above, code, _)| code[..4] == above[..4] && PREFECTURES.iter().any(|p| p.0 == *above))
        );
    }
}
