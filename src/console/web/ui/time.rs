//! Times for people: in the console's zone, with its offset, never alone; and how long something takes.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use super::none;
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::model::Wall;

fn zoned(cx: &Cx, at: Wall) -> jiff::Zoned {
    Timestamp::from_millisecond(at.millis()).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(cx.zone.clone())
}

/// `2026-11-25 10:13:28 +08:00`
pub fn plain(cx: &Cx, at: Wall) -> String {
    zoned(cx, at).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// A time with its zone.
pub fn at(cx: &Cx, at: Wall) -> Markup {
    let zoned = zoned(cx, at);
    html! {
        time datetime=(at.to_string()) title={ (zoned.strftime("%Y-%m-%d %H:%M:%S %:z")) " " (text::time_zone(cx.lang)) } {
            (zoned.strftime("%Y-%m-%d %H:%M:%S")) " " small { (zoned.strftime("%:z")) }
        }
    }
}

/// A time that may not be there.
pub fn maybe(cx: &Cx, when: Option<Wall>) -> Markup {
    when.map_or_else(none, |w| at(cx, w))
}

/// How long ago, with the time itself at hand.
pub fn ago(cx: &Cx, at: Wall) -> Markup {
    html! { time datetime=(at.to_string()) title=(plain(cx, at)) { (ago_words(cx.lang, cx.now.since(at))) } }
}

fn ago_words(lang: Lang, for_so_long: Duration) -> String {
    match for_so_long.as_secs() {
        0..=9 => text::time_ago_now(lang).to_owned(),
        s @ 10..=89 => text::time_ago_seconds(lang, s),
        s if s < 90 * 60 => text::time_ago_minutes(lang, (s + 30) / 60),
        s if s < 36 * 3_600 => text::time_ago_hours(lang, (s + 1_800) / 3_600),
        s => text::time_ago_days(lang, (s + 43_200) / 86_400),
    }
}

/// `2 h 05 min`, in words of the language.
pub fn lasting(lang: Lang, for_so_long: Duration) -> String {
    let s = for_so_long.as_secs();
    match s {
        0..=59 => text::time_seconds(lang, s),
        60..=3_599 => text::time_minutes(lang, s / 60, s % 60),
        3_600..=86_399 => text::time_hours(lang, s / 3_600, s % 3_600 / 60),
        _ => text::time_days(lang, s / 86_400, s % 86_400 / 3_600),
    }
}
