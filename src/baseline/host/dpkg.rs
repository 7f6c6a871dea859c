//! The package database of dpkg: paragraphs of `Field: value`, of which the installed packages are wanted.

use super::rpmdb::Package;

/// The packages that `/var/lib/dpkg/status` says are installed; one removed but for its configuration is not.
pub(super) fn installed(text: &str) -> Vec<Package> {
    let mut all = Vec::new();
    let (mut name, mut version, mut there) = ("", "", false);
    for line in text.lines().chain([""]) {
        if line.is_empty() {
            if there && !name.is_empty() {
                all.push(Package { name: name.to_owned(), version: version.to_owned() });
            }
            (name, version, there) = ("", "", false);
        } else if let Some(value) = line.strip_prefix("Package:") {
            name = value.trim();
        } else if let Some(value) = line.strip_prefix("Version:") {
            version = value.trim();
        } else if let Some(value) = line.strip_prefix("Status:") {
            there = value.split_whitespace().next_back() == Some("installed");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_counts() {
        let text = "Package: a\nStatus: install ok installed\nVersion: 1:2-3\nDescription: x\n Package: z\n\n\
                    Package: b\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: c\nStatus: hold ok installed\n";
        let names: Vec<_> = installed(text).into_iter().map(|p| (p.name, p.version)).collect();
        assert_eq!(names, [("a".to_owned(), "1:2-3".to_owned()), ("c".to_owned(), String::new())]);
        assert!(installed("").is_empty());
    }
}
