//! `packaging/procedures/README.md`: a section for each procedure, with the part of the configuration that it needs.

use std::collections::BTreeMap;

use procedure::{Procedure, Step, Template};
use runner_connectors::{CommandRule, Policy};
use serde::Deserialize;
use serde_json::Value;

/// The part of the Runner's configuration that a section shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    policy: Policy,
    #[serde(default)]
    connections: BTreeMap<String, toml::Table>,
}

/// The sections by the procedure that they are about.
pub(crate) fn sections(readme: &str) -> BTreeMap<&str, &str> {
    let mut sections = BTreeMap::new();
    for section in readme.split("\n### ").skip(1) {
        let (title, text) = section.split_once('\n').unwrap_or((section, ""));
        sections.insert(title.trim_matches('`'), text.split("\n## ").next().unwrap_or(text));
    }
    sections
}

/// What the section does not say although the procedure needs it.
pub(crate) fn lacks(section: &str, procedure: &Procedure) -> Result<Vec<String>, String> {
    let block = fenced(section, "toml").ok_or("no block of configuration")?;
    let block: Block = toml::from_str(block).map_err(|error| error.to_string())?;
    let mut lacks = Vec::new();
    for step in procedure.all_steps() {
        if let Some((program, arguments)) = command_line(step)
            && !block.policy.commands.iter().any(|rule| allows(rule, &program, &arguments))
        {
            lacks.push(format!("a rule for step `{}`: {program} {arguments:?}", step.id));
        }
        let change = format!("{}/{}", procedure.id, step.id);
        if step.changes.is_some() && !block.policy.changes.contains(&change) {
            lacks.push(format!("the change {change}"));
        }
    }
    for connection in &procedure.connections {
        let kind = block.connections.get(&connection.name).and_then(|shown| shown.get("type")?.as_str());
        if kind != Some(connection.kind.as_str()) {
            lacks.push(format!("the {} connection `{}`", connection.kind, connection.name));
        }
    }
    let command = fenced(section, "sh").ok_or("no command line")?;
    let file = format!("proctor-runner run {}.{} ", procedure.id, procedure.notation().extension());
    if !format!("{} ", command.trim()).starts_with(&file) {
        lacks.push(format!("the command {file}"));
    }
    let given =
        |name: &str| command.contains(&format!("--input {name}=")) || command.contains(&format!("--input '{name}="));
    let unasked = procedure.inputs.iter().filter(|input| input.default.is_none() && !given(&input.name));
    if !command.contains("--inputs ") {
        lacks.extend(unasked.map(|input| format!("a value for the input `{}`", input.name)));
    }
    Ok(lacks)
}

fn fenced<'t>(text: &'t str, language: &str) -> Option<&'t str> {
    text.split_once(&format!("\n```{language}\n"))?.1.split_once("\n```").map(|(block, _)| block)
}

/// The program of a command step and its arguments; `None` stands for one that is only known in a run.
fn command_line(step: &Step) -> Option<(String, Vec<Option<String>>)> {
    let Template::Map(members) = &step.with else { return None };
    let (_, Template::List(run)) = members.iter().find(|(name, _)| name == "run")? else { return None };
    let mut words = run.iter().map(|word| match word {
        Template::Literal(Value::String(word)) => Some(word.clone()),
        _ => None,
    });
    let program = words.next()??;
    Some((program, words.collect()))
}

/// Whether the rule is about this very argument list: the same words, and a pattern where a word is only known in a run.
fn allows(rule: &CommandRule, program: &str, arguments: &[Option<String>]) -> bool {
    let Some(patterns) = &rule.args else { return false };
    rule.path.to_str() == Some(program)
        && patterns.len() == arguments.len()
        && patterns.iter().zip(arguments).all(|(pattern, argument)| match argument {
            Some(word) => pattern == word,
            None => pattern == "*",
        })
}
