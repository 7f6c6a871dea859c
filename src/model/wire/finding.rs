//! One look at an asset by the policy of graded protection, as it travels: the JSON of `model::finding`, compressed.
//! What is larger than a record may be, or out of bounds, does not become one.

use serde::{Deserialize, Serialize};

use super::report::Packed;
use crate::model::finding::Inspection;
use crate::model::id::AssetId;

/// `finding` body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The asset, once more outside: who speaks of it is looked at first.
    pub asset: AssetId,
    /// The inspection.
    pub packed: Packed,
}

impl Findings {
    /// Packs one; nothing if it names no asset, is out of bounds, or too large to travel. A text that makes it too
    /// large is left out: the findings are worth more.
    pub fn of(inspection: &Inspection) -> Option<Self> {
        let asset = inspection.asset.clone().filter(|_| inspection.wrong().is_none())?;
        let pack = |whole: &Inspection| Packed::of(&serde_json::to_string(whole).ok()?);
        let packed = pack(inspection).or_else(|| {
            let mut bare = inspection.clone();
            bare.snapshot.as_mut()?.text.clear();
            pack(&bare)
        })?;
        Some(Self { asset, packed })
    }

    /// The inspection, clean; or what is wrong with it.
    pub fn open(&self) -> Result<Inspection, String> {
        let text = self.packed.text().ok_or("the findings do not unpack")?;
        let mut whole: Inspection = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        if let Some(why) = whole.wrong() {
            return Err(why.to_owned());
        }
        if whole.asset.as_ref() != Some(&self.asset) {
            return Err("the findings are of another asset than their record".to_owned());
        }
        whole.clean();
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::{MAX_TEXT, Verdict, sample};
    use crate::model::wire::{MAX_BATCH_BYTES, Record};

    #[test]
    fn an_inspection_survives_the_wire_and_a_foreign_one_is_refused() {
        let whole = sample("sw1", "D06", Verdict::Fail);
        let record = Findings::of(&whole).unwrap();
        let body = Record::Finding(record.clone()).body();
        let Some(Record::Finding(back)) = Record::read("finding", &body).unwrap() else { panic!("no finding") };
        assert_eq!(back.open().unwrap(), whole);
        let other = Findings { asset: AssetId::new("sw2").unwrap(), ..record };
        assert!(other.open().is_err());
        let mut unbound = whole.clone();
        unbound.asset = None;
        assert!(Findings::of(&unbound).is_none());
        let mut bad = whole;
        bad.findings[0].weight = 9;
        let packed = Packed::of(&serde_json::to_string(&bad).unwrap()).unwrap();
        assert!(Findings { asset: other.asset, packed }.open().is_err());
    }

    #[test]
    fn a_text_too_large_to_travel_stays_behind() {
        let mut whole = sample("sw1", "D06", Verdict::Fail);
        let mut state = 1u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(33 + (state >> 33) as u8 % 90)
        });
        whole.snapshot.as_mut().unwrap().text = noise.take(MAX_TEXT).collect();
        let record = Findings::of(&whole).unwrap();
        assert!(Record::Finding(record.clone()).body().to_string().len() < MAX_BATCH_BYTES);
        assert_eq!(record.open().unwrap().snapshot.unwrap().text, "");
    }
}
