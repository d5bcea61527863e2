//! What every answer of the console carries, whatever it is: pages, redirects, errors, files, scripts.

use tests::{Console, Reply};

use crate::{crawl, scene};

/// What is wrong about the headers of an answer.
pub(crate) fn faults(path: &str, reply: &Reply) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |is: bool, what: &str| {
        if !is {
            faults.push(format!("{} {path}: {what}: {:?}", reply.status, reply.headers));
        }
    };
    let csp = reply.header("content-security-policy");
    let directive = |name: &str| csp.split(';').map(str::trim).find_map(|part| part.strip_prefix(name).map(str::trim));
    must(directive("default-src") == Some("'none'"), "default-src 'none'");
    for name in ["frame-ancestors", "base-uri", "object-src"] {
        must(directive(name) == Some("'none'"), name);
    }
    must(!csp.contains("unsafe-") && !csp.contains("data:") && !csp.contains('*'), "nothing unsafe in the policy");
    must(csp.matches("default-src").count() == 1, "one policy");
    let hsts = reply.header("strict-transport-security");
    let age = hsts.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    must(age.is_some_and(|age| age >= 31_536_000), "strict-transport-security of a year");
    must(reply.header("x-content-type-options") == "nosniff", "nosniff");
    must(
        reply.header("referrer-policy") == "no-referrer" || reply.header("referrer-policy") == "same-origin",
        "referrer-policy",
    );
    must(!reply.header("permissions-policy").is_empty(), "permissions-policy");
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("x-frame-options", "DENY"),
    ] {
        must(reply.header(name) == value, name);
    }
    must(reply.header("server").is_empty() && reply.header("x-powered-by").is_empty(), "nothing about the program");
    let is_asset = path.starts_with("/assets/") && reply.status == 200;
    let cache = reply.header("cache-control");
    must(if is_asset { cache.contains("immutable") } else { cache.contains("no-store") }, "cache-control");
    if !reply.bytes.is_empty() {
        let kind = reply.header("content-type");
        must(!kind.is_empty(), "a content type");
        must(
            !kind.starts_with("text/")
                || kind.to_lowercase().contains("charset=utf-8")
                || kind.starts_with("text/event-stream"),
            "a charset",
        );
    }
    for (_, cookie) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
        let words: Vec<String> = cookie.split(';').skip(1).map(|word| word.trim().to_lowercase()).collect();
        must(cookie.starts_with("__Host-"), "a cookie of this host alone");
        for word in ["secure", "httponly", "path=/"] {
            must(words.iter().any(|known| known == word), word);
        }
        must(words.iter().any(|known| known.starts_with("samesite=") && known != "samesite=none"), "samesite");
    }
    faults
}

#[test]
fn every_answer_carries_the_headers_of_the_baseline() {
    let console = Console::start();
    scene::fill(&console);
    let found = crawl::from(&console.owner.visitor, &["/"]);
    let mut all: Vec<String> = found.all().flat_map(|(path, reply)| faults(path, reply)).collect();
    let broken: Vec<_> =
        found.all().filter(|(_, reply)| reply.status >= 400).map(|(path, reply)| (path, reply.text())).collect();
    assert!(broken.is_empty(), "links that lead nowhere: {broken:?}");
    assert!(found.pages.len() > 25, "{:?}", found.pages.keys());

    let visitor = &console.owner.visitor;
    let base = visitor.url("");
    for (method, path, body) in [
        ("GET", "/nothing-here", ""),
        ("GET", "/runs/019aa7f0-0000-7000-8000-000000000003", ""),
        ("GET", "/runs/not-an-id", ""),
        ("GET", "/runs?unknown=1", ""),
        ("GET", "/assets/nothing.js", ""),
        ("GET", "/link/pln_nothing", ""),
        ("GET", "/api/v1/nothing", ""),
        ("GET", "/api/v1/me", ""),
        ("GET", "/console/nothing", ""),
        ("HEAD", "/", ""),
        ("DELETE", "/runs", ""),
        ("PUT", "/", "x"),
        ("TRACE", "/", ""),
        ("POST", "/people/invite", "email=a"),
        ("POST", "/sign-out", ""),
        ("POST", "/sign-in", &"x=".repeat(400_000)),
        ("GET", "/%00", ""),
        ("GET", "/..%2f..%2fetc/passwd", ""),
        ("GET", "/?x=<script>", ""),
    ] {
        let request = visitor.client().request(method.parse().unwrap(), format!("{base}{path}"));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
        let reply = visitor.send(request);
        assert!(reply.status >= 300 || method == "HEAD", "{method} {path}: {}", reply.status);
        assert!(reply.status < 500, "{method} {path}: {}", reply.status);
        all.extend(faults(path, &reply));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_form_is_taken_from_this_console_alone() {
    let console = Console::start();
    let visitor = &console.owner.visitor;
    let before = scene::people(&console);
    let form = visitor.get("/people/invite").with_status(200).form("/people/invite");
    let form = form.with("email", "eve@one.example").with("name", "Eve").with("role", "owner");
    let send = |form: &tests::Form, headers: &[(&str, &str)]| {
        let body: Vec<String> =
            form.fields.iter().map(|(name, value)| format!("{name}={}", value.replace('@', "%40"))).collect();
        let mut request = visitor.client().post(visitor.url(&form.action)).body(body.join("&"));
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        visitor.send(request).status
    };
    let own = visitor.url("");
    let token = form.fields.iter().find(|(name, _)| name == "csrf").map(|(_, value)| value.clone()).unwrap();
    let other = format!("{}A", &token[..token.len() - 1]);
    for (what, form, headers) in [
        ("without a token", form.clone().without("csrf"), vec![("origin", own.as_str())]),
        ("with another token", form.clone().with("csrf", &other), vec![("origin", own.as_str())]),
        ("from another origin", form.clone(), vec![("origin", "https://evil.example")]),
        ("from no origin", form.clone(), vec![("origin", "null")]),
        ("across sites", form.clone(), vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")]),
        ("from a neighbour", form.clone(), vec![("origin", own.as_str()), ("sec-fetch-site", "same-site")]),
    ] {
        assert_eq!(send(&form, &headers), 403, "{what}");
    }
    let json = visitor.client().post(visitor.url("/people/invite")).header("origin", &own).body("{}");
    let json = visitor.send(json.header("content-type", "application/json"));
    assert!([403, 415].contains(&json.status), "{}", json.status);
    assert_eq!(scene::people(&console), before);
    let taken = send(&form, &[("origin", own.as_str()), ("sec-fetch-site", "same-origin")]);
    assert_eq!((taken, scene::people(&console)), (200, before + 1), "the right one is taken");
}
