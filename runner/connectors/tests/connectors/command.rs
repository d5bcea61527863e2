//! Programs that behave and programs that do not.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use crypto::Secret;
use runner_connectors::{Access, Connection, Target};
use serde_json::{Value, json};
use tokio::time::Instant;
use verdict::Code;

use crate::room::{CANARY, Room};

/// A script of our own, so that the tests need no shell on the allow-list.
struct Script {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Script {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        Self { _folder: folder, path }
    }

    fn room(&self) -> Room {
        Room::new().command(&self.path)
    }

    fn run(&self) -> Value {
        json!({"run": [self.path]})
    }
}

/// Processes whose command line holds this text.
fn processes_with(text: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).replace('\0', " ").contains(text)).count()
}

fn assert_gone(text: &str) {
    let since = Instant::now();
    while processes_with(text) > 0 {
        assert!(since.elapsed() < Duration::from_secs(20), "{text:?} is still running");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn an_output_is_read_as_declared() {
    let room = Room::new().command("/usr/bin/printf");
    for (parse, text, out) in [
        ("text", "a\nb\n", json!("a\nb\n")),
        ("lines", "a\nb\n", json!(["a", "b"])),
        ("json", "{\"a\": [1, 9007199254740993]}", json!({"a": [1, "9007199254740993"]})),
        ("json", "[{\"a\": 1}, {\"a\": 2}]", json!([{"a": 1}, {"a": 2}])),
        ("yaml", "a: yes\n", json!({"a": "yes"})),
        ("csv", "id,name\n1,x\n", json!([{"id": "1", "name": "x"}])),
        ("kv", "port 22\nport 23\n", json!({"port": ["22", "23"]})),
    ] {
        let run = json!({"run": ["/usr/bin/printf", "%s", text], "parse": parse});
        let value = room.value("command", run, None).await;
        assert_eq!((&value["out"], &value["exit"]), (&out, &json!(0)), "{parse}");
        assert!(value["seconds"].is_u64());
    }
}

#[tokio::test]
async fn no_shell_stands_in_between() {
    let room = Room::new().command("/usr/bin/printf");
    let value =
        room.value("command", json!({"run": ["/usr/bin/printf", "%s|", "$HOME", "`id`", "a b", "*"]}), None).await;
    assert_eq!(value["out"], "$HOME|`id`|a b|*|");
}

#[tokio::test]
async fn only_listed_programs_run() {
    let room = Room::new().command("/usr/bin/printf");
    for run in [json!(["/usr/bin/id"]), json!(["printf", "x"]), json!(["/usr/bin/../bin/printf", "x"])] {
        let failure = room.failure("command", json!({"run": run}), None).await;
        assert_eq!((failure.code, failure.transport), (Code::PolicyDenied, false));
        let hint = if run[0] == "printf" { "absolute path" } else { "policy.commands" };
        assert!(failure.detail.contains(hint), "{}", failure.detail);
        assert_eq!(failure.request["run"], run);
    }
    assert_eq!(Room::new().code("command", json!({"run": ["/usr/bin/printf"]}), None).await, Code::PolicyDenied);
}

#[tokio::test]
async fn arguments_of_another_shape_are_refused() {
    let room = Room::new().command("/usr/bin/printf");
    for arguments in [
        json!({"run": "/usr/bin/printf"}),
        json!({"run": []}),
        json!({"run": ["/usr/bin/printf", 1]}),
        json!({"run": ["/usr/bin/printf"], "shell": true}),
        json!({"run": ["/usr/bin/printf", "a\u{0}b"]}),
        json!({}),
    ] {
        assert_eq!(room.code("command", arguments.clone(), None).await, Code::WrongType, "{arguments}");
    }
}

#[tokio::test]
async fn the_environment_is_clean_and_the_connection_adds_to_it() {
    let room = Room::new().command("/usr/bin/env");
    let value = room.value("command", json!({"run": ["/usr/bin/env"], "parse": "kv"}), None).await;
    let names: Vec<_> = value["out"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["HOME", "LANG", "PATH", "PROCTOR_COMMAND", "TZ"]);
    assert_eq!(value["out"]["HOME"], json!(["/nonexistent"]));

    let environment = BTreeMap::from([("TOKEN".to_owned(), Secret::new(CANARY.to_owned()))]);
    let target = Target::Command { environment };
    let connection = Connection { name: "repo".to_owned(), access: Access::ReadOnly, target };
    let value = room.value("command", json!({"run": ["/usr/bin/env"], "parse": "kv"}), Some(&connection)).await;
    assert_eq!(value["out"]["TOKEN"], json!([CANARY]));
}

#[tokio::test]
async fn a_program_is_started_by_the_name_it_was_asked_for() {
    let script = Script::new("basename \"$0\"");
    let link = script.path.with_file_name("other-name");
    std::os::unix::fs::symlink("script", &link).unwrap();
    let value = Room::new().command(&link).value("command", json!({"run": [link]}), None).await;
    assert_eq!(value["out"], "other-name\n");
}

#[tokio::test]
async fn standard_input_is_given_and_may_be_ignored() {
    let room = Room::new().command("/usr/bin/cat").command("/usr/bin/true");
    let text = "x".repeat(300_000);
    let value = room.value("command", json!({"run": ["/usr/bin/cat"], "stdin": text}), None).await;
    assert_eq!(value["out"].as_str().map(str::len), Some(300_000));
    room.value("command", json!({"run": ["/usr/bin/true"], "stdin": text}), None).await;
}

#[tokio::test]
async fn an_unexpected_status_is_an_error_that_quotes_standard_error() {
    let script = Script::new("echo out; echo why >&2; exit 3");
    let failure = script.room().failure("command", script.run(), None).await;
    assert_eq!((failure.code, failure.transport), (Code::BadOutput, false));
    assert!(failure.detail.contains("status 3") && failure.detail.ends_with("why"), "{}", failure.detail);
    let value = script.room().value("command", json!({"run": [script.path], "ok_exit": [0, 3]}), None).await;
    assert_eq!(value["exit"], 3);

    let killed = Script::new("kill -9 $$");
    assert!(killed.room().failure("command", killed.run(), None).await.detail.contains("signal 9"));
}

#[tokio::test]
async fn an_endless_output_is_too_large_and_its_writer_is_gone() {
    let mut room = Room::new().command("/usr/bin/yes");
    room.limits.output_bytes = 1 << 20;
    let code = room.code("command", json!({"run": ["/usr/bin/yes", "endless-output-8231"]}), None).await;
    assert_eq!(code, Code::TooLarge);
    assert_gone("endless-output-8231");
    // Exactly the limit is not more than the limit.
    room = room.command("/usr/bin/head");
    let exact = json!({"run": ["/usr/bin/head", "-c", "1048576", "/dev/zero"], "parse": "lines"});
    assert_eq!(room.collect("command", exact, None).await.unwrap().bytes, 1 << 20);
}

#[tokio::test]
async fn endless_errors_do_not_fill_memory_or_block() {
    let script = Script::new("head -c 3000000 /dev/zero | tr '\\0' 'e' >&2; echo end >&2; exit 1");
    let failure = script.room().failure("command", script.run(), None).await;
    assert!(failure.detail.ends_with("end") && failure.detail.len() < 70_000, "{}", failure.detail.len());
}

#[tokio::test]
async fn binary_and_invalid_text_are_parse_errors() {
    let room = Room::new().command("/usr/bin/printf");
    for parse in ["text", "lines", "json", "kv", "csv", "yaml"] {
        let run = json!({"run": ["/usr/bin/printf", "a\\377\\376b"], "parse": parse});
        assert_eq!(room.code("command", run, None).await, Code::Parse, "{parse}");
    }
    let deep = json!({"run": ["/usr/bin/printf", "%s", "[".repeat(100_000)], "parse": "json"});
    assert_eq!(room.code("command", deep, None).await, Code::Parse);
}

#[tokio::test]
async fn a_program_that_ignores_signals_ends_in_time() {
    let script = Script::new("trap '' TERM INT HUP; while :; do sleep 8232; done");
    let since = Instant::now();
    let code = script.room().timeout(200).code("command", script.run(), None).await;
    assert_eq!(code, Code::Timeout);
    assert!(since.elapsed() < Duration::from_secs(20));
    assert_gone("sleep 8232");
    assert_gone(script.path.to_str().unwrap());
}

#[tokio::test]
async fn what_left_the_group_is_ended_too() {
    // Two forks and a session of its own; then many of them at once.
    let script = Script::new("for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sleep 8233 &) ; done; sleep 8233");
    assert_eq!(script.room().timeout(300).code("command", script.run(), None).await, Code::Timeout);
    assert_gone("sleep 8233");
}

#[tokio::test]
async fn a_fork_bomb_is_ended() {
    let script = Script::new("n=$1; [ $n -le 0 ] && exec sleep 8234; $0 $((n-1)) & $0 $((n-1)) & wait");
    let run = json!({"run": [script.path, "5"]});
    assert_eq!(script.room().timeout(500).code("command", run, None).await, Code::Timeout);
    assert_gone("sleep 8234");
    assert_gone(script.path.to_str().unwrap());
}

#[tokio::test]
async fn a_process_that_keeps_the_output_open_is_a_truncation() {
    let script = Script::new("setsid sleep 8235 & echo done");
    let since = Instant::now();
    assert_eq!(script.room().code("command", script.run(), None).await, Code::Truncated);
    assert!(since.elapsed() < Duration::from_secs(20));
    assert_gone("sleep 8235");
}

#[tokio::test]
async fn a_process_left_in_the_group_ends_with_it() {
    let script = Script::new("sleep 8236 >/dev/null 2>&1 & echo done");
    assert_eq!(script.room().value("command", script.run(), None).await["out"], "done\n");
    assert_gone("sleep 8236");
}

#[tokio::test]
async fn memory_and_files_are_limited() {
    let mut room = Room::new().command("/usr/bin/head").command("/usr/bin/tail");
    room.limits.command_memory = 64 << 20;
    // tail keeps everything in memory that has no line end.
    let run = json!({"run": ["/usr/bin/tail", "-n", "1", "/dev/zero"]});
    let failure = room.failure("command", run, None).await;
    assert_eq!(failure.code, Code::BadOutput, "{failure}");

    // The limit reaches a process that was started before it was set.
    let script = Script::new("head -c 1000000000 /dev/zero > $HOME/big");
    let scratch = tempfile::tempdir().unwrap();
    let mut room = script.room();
    room.limits.command_file = 1_000_000;
    room.scratch = Some(scratch.path().to_owned());
    assert_eq!(room.code("command", script.run(), None).await, Code::BadOutput);
    assert!(std::fs::metadata(scratch.path().join("big")).unwrap().len() < 900_000_000);
}

#[tokio::test]
async fn the_kernel_holds_every_process_to_the_limits() {
    let script = Script::new("sleep 0.1; cat /proc/self/limits");
    let value = script.room().value("command", json!({"run": [script.path], "parse": "lines"}), None).await;
    let soft = |name: &str| {
        let lines = value["out"].as_array().unwrap().iter().filter_map(Value::as_str);
        let line = lines.filter_map(|line| line.strip_prefix(name)).next().unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let limits = runner_connectors::Limits::default();
    assert_eq!(soft("Max core file size"), 0);
    assert_eq!(soft("Max address space"), limits.command_memory);
    assert_eq!(soft("Max file size"), limits.command_file);
    assert_eq!(soft("Max processes"), limits.command_processes);
    assert!((11..=11 * 1_024).contains(&soft("Max cpu time")));
}

#[tokio::test]
async fn what_a_dead_runner_left_behind_is_ended() {
    let start = |mark: String| {
        let mut command = std::process::Command::new("/usr/bin/sleep");
        command.arg("8237").env("PROCTOR_COMMAND", mark).spawn().unwrap()
    };
    // No process has a number like this one.
    let mut orphan = start(format!("{}-1", i32::MAX));
    let mut living = start(format!("{}-1", std::process::id()));
    // The same number in another container is another Runner.
    let mut container = std::process::Command::new("/usr/bin/unshare");
    let mark = format!("PROCTOR_COMMAND={}-1", i32::MAX);
    container.args(["--user", "--pid", "--fork", "--kill-child", "/usr/bin/env", &mark, "/usr/bin/sleep", "8238"]);
    let mut container = container.spawn().unwrap();
    let inside = || {
        let list = format!("/proc/{0}/task/{0}/children", container.id());
        let child = std::fs::read_to_string(list).unwrap_or_default();
        std::fs::read_to_string(format!("/proc/{}/cmdline", child.trim())).is_ok_and(|line| line.contains("sleep\0"))
    };
    for _ in 0..500 {
        if inside() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    while !std::fs::read_to_string(format!("/proc/{}/cmdline", orphan.id())).unwrap().contains("8237") {}
    assert!(runner_connectors::command::end_orphans() >= 1);
    assert!(!orphan.wait().unwrap().success());
    assert!(living.try_wait().unwrap().is_none());
    // Who is killed is gone a moment later.
    std::thread::sleep(Duration::from_millis(200));
    assert!(inside(), "what runs in a container was ended, or did not start");
    container.kill().unwrap();
    container.wait().unwrap();
    living.kill().unwrap();
    living.wait().unwrap();
}

#[tokio::test]
async fn the_runner_itself_is_not_in_reach() {
    let room = Room::new().command("/usr/bin/cat");
    let run = json!({"run": ["/usr/bin/cat", "/proc/self/environ"], "parse": "text"});
    let value = room.value("command", run, None).await;
    assert!(!value["out"].as_str().unwrap().contains("CARGO"));
}

#[tokio::test]
async fn a_step_that_changes_something_needs_the_policy() {
    let mut room = Room::new().command("/usr/bin/true");
    room.changes = true;
    let failure = room.failure("command", json!({"run": ["/usr/bin/true"]}), None).await;
    assert!(failure.detail.contains("\"tried/step\" to policy.changes"), "{}", failure.detail);
    room.policy.changes.push("tried/step".to_owned());
    room.value("command", json!({"run": ["/usr/bin/true"]}), None).await;
}

#[tokio::test]
async fn many_at_once_do_not_mix() {
    let room = Room::new().command("/usr/bin/printf");
    let connectors = std::sync::Arc::new(room.connectors());
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let connectors = std::sync::Arc::clone(&connectors);
            tokio::spawn(async move {
                let arguments = json!({"run": ["/usr/bin/printf", "%s", number.to_string()]});
                let request = runner_connectors::Request {
                    procedure: "p",
                    step: "s",
                    connector: "command",
                    arguments: &arguments,
                    connection: None,
                    changes: false,
                    timeout: Duration::from_secs(10),
                    scratch: None,
                };
                let value = connectors.collect(&request).await.unwrap().evidence.value().unwrap();
                assert_eq!(value["out"], number.to_string());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
