//! The table of pages against what must hold for all of them.

use super::*;

#[test]
fn only_coming_in_is_open_to_all() {
    let open: Vec<&str> = PAGES.iter().filter(|p| p.door == Door::Open).map(|p| p.path).collect();
    assert_eq!(open, ["/signin", "/signin", "/welcome", "/prefer"]);
}

#[test]
fn no_page_stands_twice() {
    for (at, page) in PAGES.iter().enumerate() {
        assert!(
            PAGES.iter().skip(at + 1).all(|p| (p.method, p.path) != (page.method, page.path)),
            "{} {}",
            page.method,
            page.path
        );
    }
}
