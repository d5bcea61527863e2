//! Scripts, styles and pictures: ours, whole, kept for ever by browsers, and nothing else.

use axum::body::Body;
use http::{Request, StatusCode};

use crate::console::{asset, policy};
use crate::tests::harness::fixture;

#[tokio::test]
async fn every_asset_is_served_for_ever_and_known_again() {
    let fixture = fixture().await;
    let mut count = 0;
    for (path, name, bytes) in asset::all() {
        let answer = fixture.send(Request::get(&path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (StatusCode::OK, bytes), "{path}");
        let media = answer.headers["content-type"].to_str().unwrap();
        let expected = match name.rsplit_once('.').unwrap().1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert_eq!(media, expected);
        assert_eq!(answer.headers["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(answer.headers["content-security-policy"], policy::CONTENT);
        assert!(!answer.headers.contains_key("set-cookie"));
        let tag = answer.headers["etag"].clone();
        for known in [tag.to_str().unwrap().to_owned(), "*".to_owned(), format!("\"x\", {}", tag.to_str().unwrap())] {
            let again =
                fixture.send(Request::get(&path).header("if-none-match", known).body(Body::empty()).unwrap()).await;
            assert_eq!((again.status, again.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
            assert_eq!(again.headers["etag"], tag);
        }
        count += 1;
    }
    assert!(count >= 5, "{count}");
}

#[test]
fn modules_import_one_another_and_nothing_else() {
    let names: Vec<&str> = asset::all().map(|(_, name, _)| name).collect();
    for (_, name, bytes) in asset::all().filter(|(_, name, _)| name.ends_with(".js")) {
        let text = std::str::from_utf8(bytes).unwrap();
        for line in text.lines() {
            let imported = line
                .split(" from \"")
                .nth(1)
                .filter(|_| line.starts_with("import") || line.starts_with("export") || line.starts_with('}'));
            if let Some(place) = imported.and_then(|rest| rest.split('"').next()) {
                let file = place.strip_prefix("./").unwrap_or_else(|| panic!("{name}: {line}"));
                assert!(names.contains(&file), "{name} imports {place}, which is not there");
            }
        }
        // What the policy would refuse, or make markup of texts.
        for never in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "srcdoc",
            "fetch(\"http",
            "new WebSocket",
            "postMessage(\"",
        ] {
            assert!(!text.contains(never), "{name} has {never}");
        }
        let odd = text.chars().find(|c| proof::text::is_deceptive(*c) && !matches!(c, '\n' | '\t'));
        assert_eq!(odd, None, "{name}");
    }
}

#[test]
fn pictures_hold_no_script() {
    for (_, name, bytes) in asset::all().filter(|(_, name, _)| name.ends_with(".svg")) {
        let text = std::str::from_utf8(bytes).unwrap();
        for never in ["<script", "onload", "href", "style", "foreignObject", "<!ENTITY"] {
            assert!(!text.contains(never), "{name} has {never}");
        }
    }
}
