//! Links that would leave the root, circles, what is too large, and globs.

use std::os::unix::fs::symlink;

use super::*;

fn world() -> Root {
    Root::memory(
        Memory::default()
            .file("/usr/lib/os-release", "ID=debian\n")
            .link("/etc/os-release", "../usr/lib/os-release")
            .link("/etc/abs", "/usr/lib/os-release")
            .link("/etc/up", "../../../../usr/lib/os-release")
            .link("/etc/a", "b")
            .link("/etc/b", "a")
            .link("/etc/null.conf", "/dev/null")
            .file("/etc/x.d/20-b.conf", "b")
            .file("/etc/x.d/10-a.conf", "a")
            .file("/etc/x.d/.hidden.conf", "h"),
    )
}

#[test]
fn links_stay_inside() {
    let root = world();
    for path in ["/etc/os-release", "/etc/abs", "/etc/up", "/usr/../etc/./abs"] {
        assert_eq!(root.text(path).unwrap().unwrap().as_ref(), "ID=debian\n", "{path}");
    }
    assert_eq!(root.text("/etc/a"), Err(Unseen::Links("/etc/a".into())));
    assert_eq!(root.target("/etc/a"), Ok(Some("b".into())));
    assert_eq!(root.text("/etc/null.conf"), Ok(None), "no /dev here");
    assert_eq!(root.text("/etc/nothing"), Ok(None));
    assert_eq!(root.text("/etc/os-release/x"), Ok(None));
}

#[test]
fn globs_are_sorted_and_skip_hidden_names() {
    let root = world();
    assert_eq!(root.glob("/etc/x.d/*.conf").unwrap(), ["/etc/x.d/10-a.conf", "/etc/x.d/20-b.conf"]);
    assert_eq!(root.glob("/etc/x.d/?0-a*").unwrap(), ["/etc/x.d/10-a.conf"]);
    assert_eq!(root.glob("/nowhere/*/x").unwrap(), Vec::<String>::new());
    assert_eq!(root.glob("/etc/new").unwrap(), ["/etc/new"]);
    assert!(fits("*a*b*", "xxaxxbxx") && !fits("*a*b", "xxaxxbxx") && fits("*", ""));
}

#[test]
fn a_directory_is_a_root_with_nothing_outside() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("image");
    std::fs::create_dir_all(base.join("etc")).unwrap();
    std::fs::write(dir.path().join("secret"), "outside").unwrap();
    std::fs::write(base.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    symlink("../../secret", base.join("etc/up")).unwrap();
    symlink(dir.path().join("secret"), base.join("etc/abs")).unwrap();
    symlink("/etc/passwd", base.join("etc/own")).unwrap();
    let root = Root::open(&base).unwrap();
    assert!(!root.live());
    assert_eq!(root.text("/etc/up"), Ok(None));
    assert_eq!(root.text("/etc/abs"), Ok(None));
    assert!(root.text("/etc/own").unwrap().unwrap().starts_with("root:"), "the image's own");
    assert_eq!(root.text("/proc/version"), Err(Unseen::Live("/proc/version".into())));
    assert_eq!(root.text("/etc"), Err(Unseen::Shape("/etc".into())));
    assert_eq!(root.meta("/etc/passwd").unwrap().unwrap().kind, Kind::File);
    assert!(matches!(Root::open(&base.join("none")), Err(Unseen::Missing(_))));
}

#[test]
fn what_is_too_large_is_said_to_be() {
    let long = "x\n".repeat(MAX_LINES + 2);
    let root = Root::memory(Memory::default().file("/a", vec![b'x'; MAX_FILE + 1]).file("/b", long));
    for path in ["/a", "/b"] {
        assert_eq!(root.text(path), Err(Unseen::TooLarge(path.into())));
    }
}
