//! Every text of the pages, as functions made of the catalogues in `web/texts/` when the program is built:
//! `text::nav_incidents(lang)`, `text::incidents_count(lang, 3)`. One that is missing in a language, or has
//! other variables there, does not build. It refuses to fall back: there is nothing to fall back from.

use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use super::lang::Lang;

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

type Bundle = FluentBundle<FluentResource>;

fn bundle(lang: Lang) -> &'static Bundle {
    static BOTH: [OnceLock<Bundle>; 2] = [OnceLock::new(), OnceLock::new()];
    let [zh, en] = &BOTH;
    let (slot, id, text) = match lang {
        Lang::Zh => (zh, "zh-CN", ZH),
        Lang::En => (en, "en", EN),
    };
    slot.get_or_init(|| {
        let resource = FluentResource::try_new(text.to_owned()).expect("the build script parsed this very text");
        let id: LanguageIdentifier = id.parse().expect("a literal that names a language");
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Marks around each value are for mixed writing directions; they break copying of ids.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("the build script found no id twice");
        bundle
    })
}

/// A message with its variables filled in.
fn format<const N: usize>(lang: Lang, id: &str, values: [(&str, FluentValue<'_>); N]) -> String {
    let bundle = bundle(lang);
    let mut arguments = FluentArgs::with_capacity(N);
    for (name, value) in values {
        arguments.set(name.to_owned(), value);
    }
    let mut errors = Vec::new();
    let pattern = bundle.get_message(id).and_then(|m| m.value()).expect("the build script saw this message");
    let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors);
    debug_assert!(errors.is_empty(), "{id}: {errors:?}");
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_both_languages_and_its_values() {
        assert_eq!(nav_incidents(Lang::Zh), "事件");
        assert_eq!(nav_incidents(Lang::En), "Incidents");
        assert_eq!(time_ago_minutes(Lang::En, 1), "1 minute ago");
        assert_eq!(time_ago_minutes(Lang::En, 3), "3 minutes ago");
        assert_eq!(time_ago_minutes(Lang::Zh, 3), "3 分钟前");
    }

    #[test]
    fn every_message_formats_without_an_error() {
        for lang in Lang::ALL {
            for id in IDS {
                let message = bundle(lang).get_message(id).and_then(|m| m.value());
                assert!(message.is_some(), "{id}");
            }
        }
    }
}
