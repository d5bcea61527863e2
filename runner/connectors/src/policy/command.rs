//! Programs on the allow-list.

use std::path::PathBuf;

use crate::policy::Policy;
use crate::request::{Fault, Result};

/// A program that may be run, by the absolute path that procedures write.
#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandRule {
    /// The program.
    pub path: PathBuf,
    /// The arguments it may be given, one pattern each: `*` stands for any characters within one argument, a last
    /// pattern `**` for any further arguments. Without this key, any arguments.
    #[serde(default)]
    pub args: Option<Vec<String>>,
}

impl CommandRule {
    fn allows(&self, arguments: &[String]) -> bool {
        let Some(patterns) = &self.args else { return true };
        let (patterns, open) = match patterns.split_last() {
            Some((last, fixed)) if last == "**" => (fixed, true),
            _ => (patterns.as_slice(), false),
        };
        let length_fits = if open { arguments.len() >= patterns.len() } else { arguments.len() == patterns.len() };
        length_fits && patterns.iter().zip(arguments).all(|(pattern, argument)| matches(pattern, argument))
    }
}

impl Policy {
    /// Refuses an argument list that no rule allows.
    pub(crate) fn admit_command(&self, program: &str, arguments: &[String]) -> Result<()> {
        // A name without a folder would be looked for along PATH.
        if !std::path::Path::new(program).is_absolute() {
            return Err(Fault::denied(format!("{program:?} is not an absolute path of a program")));
        }
        let rules: Vec<_> = self.commands.iter().filter(|rule| rule.path.as_os_str() == program).collect();
        if rules.iter().any(|rule| rule.allows(arguments)) {
            return Ok(());
        }
        Err(Fault::denied(if rules.is_empty() {
            format!("{program} is not an allowed program: add [[policy.commands]] with path = {program:?}")
        } else {
            format!("{program} is allowed, but not with these arguments: extend args of its [[policy.commands]]")
        }))
    }
}

/// Whether the text matches a pattern in which `*` stands for any characters. The leftmost place is enough for every
/// piece between two stars, so nothing is tried twice.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces: Vec<_> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_one_argument() {
        for (pattern, text, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything at all", true),
            ("--tag=*", "--tag=x", true),
            ("--tag=*", "--tags=x", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn arguments_are_matched_one_by_one() {
        let rule = |args: Option<&[&str]>| CommandRule {
            path: "/usr/bin/x".into(),
            args: args.map(|args| args.iter().map(|&a| a.to_owned()).collect()),
        };
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert!(rule(None).allows(&list("a b c")));
        assert!(rule(Some(&[])).allows(&[]) && !rule(Some(&[])).allows(&list("a")));
        assert!(rule(Some(&["-T", "**"])).allows(&list("-T")));
        assert!(rule(Some(&["-T", "**"])).allows(&list("-T a b")));
        assert!(!rule(Some(&["-T", "**"])).allows(&list("-t a b")));
        assert!(!rule(Some(&["-T", "*"])).allows(&list("-T a b")));
    }

    #[test]
    fn the_path_is_compared_as_it_is_written() {
        let policy =
            Policy { commands: vec![CommandRule { path: "/usr/bin/id".into(), args: None }], ..Policy::default() };
        assert!(policy.admit_command("/usr/bin/id", &[]).is_ok());
        let mut policy = policy;
        policy.commands.push(CommandRule { path: "id".into(), args: None });
        assert!(policy.admit_command("id", &[]).is_err());
        for program in ["/usr/bin/../bin/id", "/usr//bin/id", "/usr/bin/id/", "/bin/id", "/"] {
            assert!(policy.admit_command(program, &[]).unwrap_err().detail.contains("policy.commands"), "{program}");
        }
    }
}
