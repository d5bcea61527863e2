//! Every command on the pages is one that the programs have, with options that they take.

use std::collections::BTreeMap;
use std::process::Command;

use tests::binary;

use crate::pages;

const PROGRAMS: [&str; 3] = ["proctor-control-plane", "proctor-runner", "proctor-verify"];

#[test]
fn every_command_of_the_pages_is_one_and_takes_its_options() {
    let mut helps = Helps::default();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (path, text) in pages::all() {
        for line in commands(&text) {
            seen += 1;
            if let Err(why) = check(&line, &mut helps) {
                wrong.push(format!("{}: `{line}`: {why}", path.file_name().unwrap().display()));
            }
        }
    }
    assert!(seen > 150, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_check_sees_what_is_wrong() {
    let mut helps = Helps::default();
    for line in [
        "proctor-runner dance",
        "proctor-runner journal dance",
        "proctor-runner enrol --no-such-option x",
        "proctor-control-plane admin runner approve RUNNER --finger 1",
    ] {
        assert!(check(line, &mut helps).is_err(), "{line}");
    }
    assert_eq!(check("proctor-verify bundle.zip --runner-key runner.pem", &mut helps), Ok(()));
}

/// What `--help` says, by the words before it.
#[derive(Default)]
struct Helps(BTreeMap<String, String>);

impl Helps {
    fn of(&mut self, words: &[&str]) -> &str {
        self.0.entry(words.join(" ")).or_insert_with(|| {
            let (program, verbs) = words.split_first().expect("a program");
            let output = Command::new(binary(program)).args(verbs).arg("--help").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        })
    }
}

/// The command lines in blocks of shell, and those between backticks.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, part) in page.split("```").enumerate() {
        if number % 2 == 1 {
            let lines = part.replace("\\\n", " ");
            found.extend(lines.lines().flat_map(parts).filter_map(command));
        } else {
            let spans = part.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " "));
            found.extend(spans.filter_map(|span| command(&span)));
        }
    }
    found
}

/// A line of shell, cut where another command begins.
fn parts(line: &str) -> impl Iterator<Item = &str> {
    line.split("$(").flat_map(|part| part.split(" | ")).flat_map(|part| part.split("; ")).map(str::trim)
}

fn command(text: &str) -> Option<String> {
    let text = text.split(" # ").next().unwrap_or_default();
    let text = text.trim().trim_start_matches("sudo -u proctor-runner ");
    let first = text.split_whitespace().next()?;
    PROGRAMS.contains(&first).then(|| text.to_owned())
}

fn check(line: &str, helps: &mut Helps) -> Result<(), String> {
    let mut words = line.split_whitespace().peekable();
    let mut path: Vec<&str> = words.next().into_iter().collect();
    while let Some(word) = words.peek() {
        if *word == "--dir" {
            words.next();
            words.next();
            continue;
        }
        if *word == "--json" {
            words.next();
            continue;
        }
        let verbs = verbs(helps.of(&path));
        if verbs.contains(&(*word).to_owned()) {
            path.extend(words.next());
            continue;
        }
        // `proctor-verify FILE` stands beside its commands, `purge` does something without one.
        let stands_alone = path.ends_with(&["proctor-verify"]) || path.ends_with(&["purge"]);
        let is_placeholder = word.starts_with(|c: char| !c.is_ascii_lowercase());
        if !verbs.is_empty() && !stands_alone && !is_placeholder {
            return Err(format!("`{}` has no `{word}`", path.join(" ")));
        }
        break;
    }
    let help = helps.of(&path);
    for word in words.filter(|word| word.starts_with("--") && word.len() > 2) {
        let option = word.split('=').next().unwrap_or_default().trim_end_matches(['`', ')', ',', '.', '"']);
        let is_there = help.split_whitespace().any(|said| said.trim_end_matches([',', '>', ']']) == option);
        if !is_there {
            return Err(format!("`{}` takes no {option}", path.join(" ")));
        }
    }
    Ok(())
}

/// The commands that a help lists.
fn verbs(help: &str) -> Vec<String> {
    let Some(listed) = help.split("\nCommands:\n").nth(1) else { return Vec::new() };
    let listed = listed.split("\n\n").next().unwrap_or_default();
    let begins = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    listed.lines().filter(begins).filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}
