//! What is shown in the pictures: the quickstart with its services up, and a bad day for them.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::{Browser, Look, Service, binary, text, until};

/// The quickstart with its services up, and what it said in the end.
pub(super) struct Demo {
    folder: tempfile::TempDir,
    pub(super) summary: Value,
    quickstart: Service,
}

impl Demo {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let said = folder.path().join("summary.json");
        let mut quickstart = Command::new("/bin/sh");
        // Without CARGO it builds nothing: another cargo waits for this test to end.
        let script = "exec \"$0\" --json --dir \"$1\" > \"$2\"";
        quickstart.args(["-c", script]).arg(binary("quickstart")).arg(folder.path().join("demo")).arg(&said);
        quickstart.env_remove("CARGO").env_remove("PROCTOR_DIR");
        let mut quickstart = Service::start(quickstart, &folder.path().join("story"));
        until("the quickstart has told its story", || {
            let is_up = quickstart.log().contains("stay up for you");
            assert!(is_up || quickstart.lives(), "{}", quickstart.log());
            is_up.then_some(())
        });
        let summary = serde_json::from_slice(&std::fs::read(&said).unwrap()).unwrap();
        Self { folder, summary, quickstart }
    }

    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// One of the programs in its folder, as a person would run it who has read env.sh.
    pub(super) fn run(&self, program: &str, words: &[&str]) -> tests::Answer {
        let mut command = Command::new(binary(program));
        command.args(words).current_dir(self.home()).env("PROCTOR_DIR", self.home());
        command.env("PROCTOR_CONTROL_PLANE_DIR", self.home().join("control-plane"));
        command.env("PROCTOR_API_KEY_FILE", self.home().join("owner.key"));
        command.output().unwrap().into()
    }

    pub(super) fn browser(&self) -> Browser {
        let pem = self.home().join("control-plane/authority.pem");
        Browser::start_at(&text(&self.summary, "/control_plane"), &tests::pin_of(&pem), Look::default())
    }

    /// Somebody asks to be let in; in the folder of this name.
    pub(super) fn knock(&self, label: &str) {
        let made =
            self.run("proctor-control-plane", &["admin", "token", "create", label, "--json"]).with_code(0).json();
        let command = text(&made, "/join_command");
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let folder = self.folder.path().join(label).display().to_string();
        let _ = self.run("proctor-runner", &[&["--dir", &folder], &words[..], &["--no-wait"]].concat()).with_code(1);
    }

    /// Writes to the control plane's database beside it; how many rows were changed.
    pub(super) fn meddle(&self, statement: &str) -> usize {
        let database = rusqlite::Connection::open(self.home().join("control-plane/control-plane.sqlite")).unwrap();
        database.busy_timeout(Duration::from_secs(30)).unwrap();
        database.execute(statement, []).unwrap()
    }

    /// Nothing was run for days, and the control plane says so.
    pub(super) fn overdue(&self) {
        assert!(self.meddle("UPDATE schedule_due SET next_due = reported - 172800000 WHERE rowid = 1") > 0);
        until("the alarm about what is overdue is raised", || {
            let alarms = self.run("proctor-control-plane", &["admin", "alarm", "list", "--json"]);
            alarms.out.contains("overdue").then_some(())
        });
    }

    /// The time for which both factors hold is over.
    pub(super) fn a_quarter_passes(&self) {
        assert!(self.meddle("UPDATE session SET confirmed = confirmed - 960000 WHERE confirmed IS NOT NULL") > 0);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // What it started ends with it only if it is asked to end.
        let _ = self.quickstart.stop();
    }
}
