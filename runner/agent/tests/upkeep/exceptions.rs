//! `exceptions`.

use serde_json::Value;

use crate::bench::{Bench, code, contains, text};

/// The arguments of an exception that is in order, to be changed.
fn exception<'a>(procedure: &'a str, covers: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["exceptions", "add", "--procedure", procedure, "--check", "says_yes"];
    arguments.extend(covers);
    arguments.extend(["--requested-by", "Ada Lovelace", "--approved-by", "Grace Hopper"]);
    arguments.extend(["--expires", "TOMORROW", "--justification", "replaced next month"]);
    arguments
}

/// Days from now, as the command line takes them.
fn day(offset: i64) -> String {
    let now = clock::Clock::now(&clock::SystemClock::new());
    now.plus_ms(offset * 86_400_000).to_string()[..10].to_owned()
}

#[test]
fn an_exception_covers_what_it_names_until_it_is_removed() {
    let (bench, first) = Bench::with_run();
    assert_eq!(first["verdict"], "fail");
    let (file, tomorrow) = (bench.procedure(), day(1));
    let mut arguments = exception(file.to_str().unwrap(), &["--items", "b", "c"]);
    for argument in &mut arguments {
        if *argument == "TOMORROW" {
            *argument = tomorrow.as_str();
        }
    }
    let added = bench.json(0, &arguments);
    let id = added["exception"].as_str().unwrap();
    assert_eq!(added["items"], serde_json::json!(["b", "c"]));
    let recorded = bench.json(0, &["journal", "tail", "-n", "1"]);
    assert_eq!(
        (&recorded[0]["kind"], &recorded[0]["exception"]),
        (&Value::from("exception.recorded"), &Value::from(id))
    );
    assert!(!contains(&bench.bytes(), b"Lovelace"), "people's names are sealed");

    let second = bench.execute();
    assert_eq!(second["verdict"], "excepted", "{second:#}");
    assert_ne!(second["score"], second["score_with_exceptions"]);
    bench.json(0, &["keys", "rotate"]);
    assert_eq!(bench.json(0, &["exceptions", "list"])[0]["exception"], id);

    bench.json(0, &["exceptions", "remove", id, "--justification", "the file is gone"]);
    assert_eq!(bench.json(0, &["exceptions", "list"]), Value::Array(vec![]));
    assert_eq!(bench.json(0, &["exceptions", "list", "--all"])[0]["standing"], "removed");
    assert_eq!(bench.execute()["verdict"], "fail");
    bench.refused(2, "E-VAULT-019", &["exceptions", "remove", id, "--justification", "again"]);
    // What was judged while it held is judged the same afterwards.
    for run in [&first, &second] {
        let output = bench.run(&["verify", run["run"].as_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", text(&output));
    }
    bench.json(0, &["journal", "verify"]);
}

#[test]
fn an_exception_that_is_not_in_order_is_refused() {
    let (bench, _) = Bench::with_run();
    let file = bench.procedure();
    let (yesterday, tomorrow, late) = (day(-1), day(1), day(366));
    let changed = |from: &str, to: &str| {
        let arguments = exception(file.to_str().unwrap(), &["--all-items"]);
        let with = |argument: &str| match argument {
            argument if argument == from => to.to_owned(),
            "TOMORROW" => tomorrow.clone(),
            argument => argument.to_owned(),
        };
        arguments.into_iter().map(with).collect::<Vec<_>>()
    };
    for (from, to, error) in [
        ("says_yes", "says_no", "E-EXC-001"),
        ("Grace Hopper", "ada  lovelace", "E-EXC-002"),
        ("TOMORROW", "soon", "E-EXC-003"),
        ("TOMORROW", yesterday.as_str(), "E-EXC-004"),
        ("TOMORROW", late.as_str(), "E-EXC-004"),
        ("replaced next month", "", "not a text"),
    ] {
        let arguments = changed(from, to);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        bench.refused(2, error, &arguments);
    }
    bench.refused(2, "E-FILE-001", &exception("/no/such/file.yaml", &["--all-items"]));
    bench.refused(2, "cannot be used with", &exception(file.to_str().unwrap(), &["--all-items", "--items", "b"]));
    assert_eq!(bench.json(0, &["exceptions", "list", "--all"]), Value::Array(vec![]));
}
