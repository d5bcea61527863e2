//! The command line as somebody meets it who does not know it.

use tests::Runner;

/// The commands below these words, as `--help` lists them.
fn commands(runner: &Runner, path: &[String]) -> Vec<Vec<String>> {
    let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let help = runner.run(&arguments).with_code(0).out;
    assert!(help.contains("Example"), "{path:?} --help shows no example:\n{help}");
    let listed = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let names = listed.take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(|name| path.iter().cloned().chain([name.to_owned()]).collect()).collect()
}

#[test]
fn every_help_teaches_by_example() {
    let runner = Runner::new("");
    let mut open = commands(&runner, &[]);
    let mut seen = 0;
    while let Some(path) = open.pop() {
        seen += 1;
        open.extend(commands(&runner, &path));
    }
    assert!(seen > 35, "only {seen} commands were found");
}

#[test]
fn wrong_usage_is_bad_input_with_a_hint_also_as_json() {
    let runner = Runner::new("");
    for wrong in [&["frobnicate"][..], &["run"], &["runs", "--limit", "0"], &["show", "last", "--rows", "1"]] {
        let answer = runner.run(wrong).with_code(2);
        assert!(answer.err.contains("--help"), "{}", answer.err);
        let wrong: Vec<&str> = wrong.iter().copied().chain(["--json"]).collect();
        let answer = runner.run(&wrong).with_code(2);
        let error: serde_json::Value = serde_json::from_str(&answer.err).unwrap();
        assert_eq!(error["error"]["code"], "E-USAGE-001");
        assert!(answer.out.is_empty());
    }
}

/// Several faults stand on several lines; what comes from a file cannot act on the terminal.
#[test]
fn errors_of_several_lines_are_readable() {
    let runner = Runner::new("");
    runner.configure("[policy]\nfiles = [\"/etc\"]\n\u{1b}[31mxx\n");
    let answer = runner.run(&["runs"]).with_code(2);
    assert!(answer.err.contains("line 3") && answer.err.lines().count() > 3, "{}", answer.err);
    assert!(!answer.err.contains("\\u{a}") && !answer.err.contains("\u{1b}[31mxx"), "{}", answer.err);
}
