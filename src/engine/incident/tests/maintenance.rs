//! Maintenance is a flag: it follows the open windows and keeps no state from changing.

use super::*;
use crate::engine::maintenance::Cover;
use crate::model::inventory::Inventory;
use crate::model::maintenance::{Maintenance, Mark, Work};

/// A window on these objects, for these problems.
fn cover(objects: &[&str], problems: &[&str]) -> Cover {
    let window = Maintenance {
        id: "m".into(),
        work: Work {
            title: "x".into(),
            objects: objects.iter().map(|o| o.parse().unwrap()).collect(),
            problems: problems.iter().map(|p| p.parse().unwrap()).collect(),
            from: wall(0.0),
            to: wall(1.0),
            every: None,
            until: None,
        },
        created: Mark { by: "user:a".into(), at: wall(0.0) },
        needs_second: false,
        approved: None,
        ended: None,
    };
    Cover::of(&window, &Inventory::default())
}

/// Plays a script; `open` and `shut` say what is told of windows. Gives the states as they are stored at the end.
fn play(lines: &[&str]) -> Vec<String> {
    let mut play = Play::default();
    for line in lines {
        let (at, what) = line.split_once(' ').unwrap();
        let open = match what {
            "open" => vec![cover(&["asset:a"], &[])],
            "open down" => vec![cover(&["asset:a"], &["down"])],
            "shut" => vec![],
            _ => {
                play.line(line);
                continue;
            }
        };
        play.apply(at.parse().unwrap(), Input::Maintenance { open }).unwrap();
    }
    play.stored.values().map(show).collect()
}

#[test]
fn the_flag_follows_the_window_and_the_state_follows_the_alert() {
    for (lines, wanted) in [
        (&["0 t1 + down", "1 open"][..], "#1 open major down|asset:a| x1 +maintenance"),
        (&["0 open", "1 t1 + down"], "#1 open major down|asset:a| x1 +maintenance"),
        (&["0 open", "1 t1 + down on=interface:a/GE1"], "#1 open major down|interface:a/GE1| x1 +maintenance"),
        (&["0 open", "1 t1 + down", "2 shut"], "#1 open major down|asset:a| x1"),
        (&["0 open", "1 t1 + down on=asset:b"], "#1 open major down|asset:b| x1"),
        (&["0 open down", "1 t1 + loss"], "#1 open major loss|asset:a| x1"),
        // What happened within a window stays told of it.
        (
            &["0 open", "1 t1 + down", "2 t1 - down since=1", "3 shut"],
            "#1 resolved major down|asset:a| x1 +maintenance",
        ),
        (
            &["0 open", "1 t1 + down", "2 t1 - down since=1", "3 shut", "4 t1 + down x=2"],
            "#1 open major down|asset:a| x2",
        ),
    ] {
        assert_eq!(play(lines), [wanted], "{lines:?}");
    }
}
