//! Commands of the story: printed as a person would type them, run exactly so, their exit codes checked.

use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::control_plane;
use crate::fault::Fault;
use crate::folder::Folder;
use crate::programs::Programs;
use crate::say::Say;
use crate::service::Service;

/// The owner's API key, in the quickstart's folder.
pub(crate) const OWNER_KEY: &str = "owner.key";

/// What a person's shell reads first, in the quickstart's folder.
const ENVIRONMENT: &str = "env.sh";

/// Runs the programs in the quickstart's folder, as a person would after the line of [`Shell::prelude`].
#[derive(Debug)]
pub(crate) struct Shell<'a> {
    folder: &'a Folder,
    programs: &'a Programs,
    say: Say,
    surprises: Vec<String>,
}

impl<'a> Shell<'a> {
    pub(crate) fn new(folder: &'a Folder, programs: &'a Programs, say: Say) -> Self {
        Self { folder, programs, say, surprises: Vec::new() }
    }

    /// Writes the file that a person's shell reads first, so that the printed commands work as they stand; gives the line
    /// that reads it.
    pub(crate) fn prelude(&self) -> Result<String, Fault> {
        let programs = quoted(&self.programs.folder.to_string_lossy());
        let folder = quoted(self.folder.text());
        let control_plane = quoted(&self.folder.join(control_plane::FOLDER).to_string_lossy());
        let key = quoted(&self.folder.join(OWNER_KEY).to_string_lossy());
        let url = self.folder.control_plane.url();
        let text = format!(
            "# For a shell that repeats the quickstart's commands by hand.\n\
             export PATH={programs}:\"$PATH\"\n\
             export PROCTOR_DIR={folder}\n\
             export PROCTOR_CONTROL_PLANE_DIR={control_plane}\n\
             export PROCTOR_CONTROL_PLANE={url}\n\
             export PROCTOR_API_KEY_FILE={key}\n\
             cd {folder}\n"
        );
        self.folder.write(ENVIRONMENT, text.as_bytes())?;
        Ok(format!(". {}", quoted(&self.folder.join(ENVIRONMENT).to_string_lossy())))
    }

    /// Prints the command, runs it with its output shown, and checks how it ends: one of the `expected` exit codes.
    /// Gives the exit code.
    pub(crate) fn run(&mut self, line: &[&str], expected: &[i32]) -> Result<i32, Fault> {
        let typed = typed(line);
        self.say.command(&typed);
        let mut command = self.command(line)?;
        let ended = command.stdout(self.say.child_output()).status().map_err(|error| cannot_start(line, error))?;
        let code = exit_code(ended);
        if expected == [code] {
            self.say.dim(format_args!("exit code {code}, as it must be"));
        } else if expected.contains(&code) {
            self.say.dim(format_args!("exit code {code}"));
        } else {
            let must = expected.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
            self.surprise(format!("`{typed}` ended with exit code {code} and must end with {must}"));
        }
        Ok(code)
    }

    /// Runs a command unseen, and checks how it ends.
    pub(crate) fn quietly(&mut self, line: &[&str], expected: &[i32]) -> Result<(), Fault> {
        let mut command = self.command(line)?;
        let output = command.output().map_err(|error| cannot_start(line, error))?;
        let code = exit_code(output.status);
        if !expected.contains(&code) {
            let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            self.surprise(format!("`{}` ended with exit code {code}: {said}", typed(line)));
        }
        Ok(())
    }

    /// Prints a command whose answer is asked for as JSON.
    pub(crate) fn show(&self, line: &[&str]) {
        self.say.command(&typed(line));
    }

    /// Runs a command with `--json`, unseen, and gives what it printed.
    pub(crate) fn ask(&self, line: &[&str]) -> Result<Value, Fault> {
        let mut command = self.command(line)?;
        let output = command.arg("--json").output().map_err(|error| cannot_start(line, error))?;
        serde_json::from_slice(&output.stdout).map_err(|_| Fault::Command {
            command: format!("{} --json", typed(line)),
            ended: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
        })
    }

    /// Prints the command and starts it as a service; what it says goes to `log` in the folder.
    pub(crate) fn serve(&self, line: &[&str], log: &str) -> Result<Service, Fault> {
        self.say.command(&format!("{} 2>>{log} &", typed(line)));
        Service::start(self.command(line)?, &self.folder.join(log))
    }

    /// Notes that something did not go as it must.
    pub(crate) fn surprise(&mut self, text: String) {
        self.say.bad(&text);
        self.surprises.push(text);
    }

    /// Everything that did not go as it must.
    pub(crate) fn surprises(&self) -> &[String] {
        &self.surprises
    }

    fn command(&self, line: &[&str]) -> Result<Command, Fault> {
        let (program, arguments) = line.split_first().unwrap_or((&"", &[]));
        let path = match *program {
            "proctor-runner" => self.programs.runner.as_path(),
            "proctor-verify" => self.programs.verify.as_path(),
            "proctor-control-plane" => self.programs.control_plane.as_path(),
            "rm" => std::path::Path::new("/bin/rm"),
            other => return Err(Fault::ProgramMissing(other.into())),
        };
        let mut command = Command::new(path);
        command.args(arguments).current_dir(&self.folder.path).env("PROCTOR_DIR", &self.folder.path);
        command.env("PROCTOR_CONTROL_PLANE_DIR", self.folder.join(control_plane::FOLDER));
        command.env("PROCTOR_API_KEY_FILE", self.folder.join(OWNER_KEY));
        command.stdin(Stdio::null());
        Ok(command)
    }
}

fn cannot_start(line: &[&str], error: std::io::Error) -> Fault {
    Fault::CannotStart { program: line.first().copied().unwrap_or_default().to_owned(), error }
}

/// The exit code as a shell gives it: 128 and the signal's number for a process that a signal ended.
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn typed(line: &[&str]) -> String {
    line.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_command_is_read_back_by_a_shell_as_it_was_meant() {
        let words = ["plain-1.yaml", "two words", "it's", "$HOME `x` \"y\"", "", "a\\b*?"];
        let line = format!("printf '%s\\n' {}", typed(&words));
        let output = Command::new("/bin/sh").args(["-c", &line]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().split_terminator('\n').collect::<Vec<_>>(), words);
    }

    #[test]
    fn how_a_process_ended_is_told_as_a_shell_tells_it() {
        let run = |script: &str| exit_code(Command::new("/bin/sh").args(["-c", script]).status().unwrap());
        assert_eq!(run("exit 3"), 3);
        assert_eq!(run("kill -9 $$"), 137);
    }
}
