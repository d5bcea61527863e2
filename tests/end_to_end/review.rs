//! The access review of the examples, over a real web API and a real file, up to its wait of five days.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use tests::Runner;

const REVIEW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/examples/d-access-review.md");

/// An administration API with 60 accounts in pages of 25, and a count of its own.
fn serve(count: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, count);
        }
    });
    port
}

fn answer(mut stream: TcpStream, count: usize) {
    let mut request = [0; 8192];
    let length = stream.read(&mut request).unwrap_or(0);
    let line = String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned();
    let body = if line.contains("/count") {
        json!({"count": count})
    } else {
        let first =
            line.split("cursor=").nth(1).and_then(|rest| rest.split([' ', '&']).next()?.parse().ok()).unwrap_or(0);
        let last = (first + 25).min(60);
        json!({"users": (first..last).map(account).collect::<Vec<_>>(), "next_cursor": (last < 60).then(|| last.to_string())})
    };
    let body = body.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ";
    let _ = stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes());
}

fn account(n: usize) -> Value {
    json!({
        "id": format!("u{n:02}"), "name": format!("Person {n}"), "email": format!("P{n}@example.org"),
        "status": "active", "kind": if n < 58 { "person" } else { "service" },
        "role": if n.is_multiple_of(20) { "admin" } else { "clerk" }, "last_login": "2026-11-20T08:00:00Z",
        "owner_email": if n >= 58 { json!("p1@example.org") } else { Value::Null },
    })
}

fn begun(count: usize) -> (Runner, Value) {
    let runner = Runner::new("");
    let port = serve(count);
    let people: String = (0..57).map(|n| format!("p{n}@example.org,active,finance,{n}00,somewhere\n")).collect();
    let people = runner.write("people.csv", format!("email,status,department,salary,home_address\n{people}"));
    runner.configure(&format!(
        "[policy]\nfiles = [\"{file}\"]\nnetwork = [\"127.0.0.1:{port}\"]\n\
         [connections.erp]\ntype = \"http\"\nbase = \"http://127.0.0.1:{port}/\"\n\
         [procedures.access-review-erp]\ninputs = {{ hr_csv = \"{file}\" }}\n",
        file = people.display()
    ));
    let result = runner.json(&["run", REVIEW]);
    (runner, result)
}

fn status<'a>(of: &'a Value, check: &str) -> &'a str {
    let checks = of["checks"].as_array().unwrap();
    checks.iter().find(|result| result["check"] == check).unwrap()["status"].as_str().unwrap()
}

#[test]
fn a_review_goes_from_the_api_through_peoples_decisions_into_its_wait() {
    let (runner, result) = begun(60);
    assert_eq!(status(&result, "no_leavers"), "fail", "person 57 is not in the HR export: {result}");
    assert_eq!(status(&result, "service_owner"), "pass");
    assert_eq!(status(&result, "reviewed"), "pending");
    assert_eq!(status(&result, "removed"), "pending");

    // 25 of the ordinary accounts, and every privileged one.
    let waiting = runner.json(&["pending"]);
    let waiting = waiting.as_array().unwrap();
    assert_eq!(waiting.len(), 25 + 3);
    for admin in ["u00", "u20", "u40"] {
        assert!(waiting.iter().any(|question| question["key"] == admin), "{admin} is always in the sample");
    }
    for question in waiting {
        let key = question["key"].as_str().unwrap();
        let answer = ["answer", "last", "review", key, "--answer", "keep", "--by", "owner@example.org"];
        let _ = runner.run(&answer).with_code(0);
    }
    let shown = runner.json(&["show", "last"]);
    assert_eq!(status(&shown, "reviewed"), "pass");
    assert_eq!(runner.json(&["runs"])[0]["state"], "running", "five days are not over");
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let evidence = runner.run(&["evidence", "last", "hr"]).with_code(0);
    assert!(!evidence.out.contains("somewhere"), "dropped fields are not stored");
    assert!(evidence.out.contains("home_address"), "their names are recorded: {}", evidence.out);
}

#[test]
fn a_population_that_the_source_counts_otherwise_is_not_proven() {
    let (runner, result) = begun(61);
    assert_eq!(status(&result, "no_leavers"), "error");
    let shown = runner.json(&["show", "last"]);
    assert_eq!(shown["checks"][1]["items"][0]["code"], "population_not_proven");
    assert_eq!(status(&result, "service_owner"), "pass", "the other population has its own proof");
}
