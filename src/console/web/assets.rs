//! Scripts, styles and pictures, embedded when the program is built. Names carry a hash of the content, so a
//! browser keeps them for ever and a new version is never mixed with an old page. Nothing else is served from
//! here: there is no directory to climb out of.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// Its name in the sources' terms: `app.js`.
    pub name: &'static str,
    /// Its name on the wire, with the hash.
    pub file: &'static str,
    /// Content type.
    pub kind: &'static str,
    /// Content.
    pub bytes: &'static [u8],
    /// The same, gzipped.
    pub packed: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The address of an asset by its plain name.
pub fn url(name: &str) -> String {
    let file = ASSETS.iter().find(|a| a.name == name).map_or(name, |a| a.file);
    format!("/static/{file}")
}

/// `GET /static/{file}`
pub fn serve(file: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|a| a.file == file) else {
        let mut gone = Response::new(Body::from("not found\n"));
        *gone.status_mut() = StatusCode::NOT_FOUND;
        return gone;
    };
    let gzip = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.split(',').any(|e| e.trim().starts_with("gzip")));
    let mut answer = Response::new(Body::from(if gzip { asset.packed } else { asset.bytes }));
    let list = answer.headers_mut();
    list.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    list.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    list.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    list.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if gzip {
        list.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_loads_less_than_200_kb() {
        let sum: usize = ASSETS.iter().filter(|a| a.name != "licences.txt").map(|a| a.packed.len()).sum();
        assert!(sum > 1_000, "nothing is embedded");
        assert!(sum < 150_000, "{sum} bytes of scripts and styles, gzipped");
    }

    #[test]
    fn an_unknown_file_is_not_found_and_a_known_one_is_kept_for_ever() {
        assert_eq!(serve("../core.db", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        let answer = serve(ASSETS[0].file, &HeaderMap::new());
        assert!(answer.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
}
