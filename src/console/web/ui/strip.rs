//! How something stood over a day, in quarters of an hour: a strip whose bars say by height and by colour what was
//! lost. Nothing measured is a dash at the bottom, never a good bar.

use maud::{Markup, html};

use super::number;
use crate::console::store::strip::Quarter;
use crate::console::web::lang::Lang;
use crate::console::web::text;

/// How a span of time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Went {
    /// Nothing was measured.
    Unmeasured,
    /// Everything was answered.
    Well,
    /// Something was lost, less than a part in a hundred.
    Little,
    /// More than that was lost.
    Lossy,
    /// Most of it was not answered.
    Down,
}

/// From where on loss is more than a little.
const LOSSY: f64 = 0.01;
/// From where on it was down.
const DOWN: f64 = 0.5;

impl Went {
    /// By what was counted.
    pub fn of(quarter: Quarter) -> Self {
        match (quarter.failed_share(), quarter.loss()) {
            (None, _) => Self::Unmeasured,
            (Some(failed), _) if failed >= DOWN => Self::Down,
            (Some(failed), loss) => Self::by_loss(loss.unwrap_or(0.0).max(failed)),
        }
    }

    /// By the part that was lost.
    pub fn by_loss(loss: f64) -> Self {
        match loss {
            v if v >= DOWN => Self::Down,
            v if v >= LOSSY => Self::Lossy,
            v if v > 0.0 => Self::Little,
            _ => Self::Well,
        }
    }

    /// Class for its colour.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Unmeasured => "w-none",
            Self::Well => "w-well",
            Self::Little => "w-little",
            Self::Lossy => "w-lossy",
            Self::Down => "w-down",
        }
    }

    /// Height of its bar, of 16.
    const fn height(self) -> u32 {
        match self {
            Self::Unmeasured => 2,
            Self::Well => 6,
            Self::Little => 9,
            Self::Lossy => 12,
            Self::Down => 16,
        }
    }
}

/// The strip, with what it says in words.
pub fn show(l: Lang, quarters: &[Quarter]) -> Markup {
    let mut bars: Vec<(usize, usize, Went)> = Vec::new();
    for (at, quarter) in quarters.iter().enumerate() {
        let went = Went::of(*quarter);
        match bars.last_mut() {
            Some((_, wide, last)) if *last == went => *wide += 1,
            _ => bars.push((at, 1, went)),
        }
    }
    let said = words(l, quarters);
    html! {
        svg.strip viewBox={ "0 0 " (quarters.len().max(1)) " 16" } preserveAspectRatio="none" role="img" aria-label=(said) {
            title { (said) }
            @for (at, wide, went) in bars {
                rect.(went.class()) x=(at) y=(16 - went.height()) width=(wide) height=(went.height()) {}
            }
        }
    }
}

/// What a strip says: how much was answered, and for how long it was down.
pub fn words(l: Lang, quarters: &[Quarter]) -> String {
    let mut all = Quarter::default();
    quarters.iter().for_each(|quarter| all.add(*quarter));
    let down = quarters.iter().filter(|quarter| Went::of(**quarter) == Went::Down).count();
    match all.failed_share() {
        None => text::strip_nothing(l).to_owned(),
        Some(failed) => {
            let (answered, loss) = (number::percent(1.0 - failed), number::percent(all.loss().unwrap_or(0.0)));
            match down {
                0 => text::strip_said(l, answered, loss),
                down => text::strip_said_down(l, answered, down as u64 * 15, loss),
            }
        }
    }
}

/// What the heights and colours mean.
pub fn legend(l: Lang) -> Markup {
    let all = [
        (Went::Well, text::strip_well(l)),
        (Went::Little, text::strip_little(l)),
        (Went::Lossy, text::strip_lossy(l)),
        (Went::Down, text::strip_down(l)),
        (Went::Unmeasured, text::strip_unmeasured(l)),
    ];
    html! {
        p.legend {
            @for (went, word) in all {
                span { svg.strip.one viewBox="0 0 6 16" aria-hidden="true" { rect.(went.class()) x="0" y=(16 - went.height()) width="6" height=(went.height()) {} } " " (word) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_says_in_words_what_it_draws() {
        let quarter = |answered, failed, sent, lost| Quarter { answered, failed, sent, lost };
        for (counted, went) in [
            (quarter(0, 0, 0, 0), Went::Unmeasured),
            (quarter(900, 0, 900, 0), Went::Well),
            (quarter(900, 0, 900, 3), Went::Little),
            (quarter(880, 20, 900, 20), Went::Lossy),
            (quarter(100, 800, 900, 800), Went::Down),
            (quarter(0, 3, 0, 0), Went::Down),
        ] {
            assert_eq!(Went::of(counted), went, "{counted:?}");
        }
        let day = [quarter(900, 0, 900, 0), quarter(100, 800, 900, 800), quarter(0, 0, 0, 0)];
        assert_eq!(words(Lang::En, &day), "55.6 % answered, down for about 15 min, 44.4 % lost");
        let drawn = show(Lang::En, &day).into_string();
        assert_eq!(drawn.matches("<rect").count(), 3);
        assert!(drawn.contains("role=\"img\"") && drawn.contains("<title>55.6 %"), "{drawn}");
    }
}
