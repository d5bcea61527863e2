//! The Markdown notation: prose where it can carry a text unchanged, front matter and fences for the rest.

use super::yaml;
use crate::markdown::{NOTES, SECTIONS, Section, carries_notes, carries_prose, carries_title};
use crate::tree::{Content, Entry, Node};

pub(super) fn document(node: &Node) -> String {
    let text_of = |field: &str| node.entry(field).and_then(|entry| entry.value.text());
    let title = text_of("title").filter(|title| carries_title(title));
    let purpose = text_of("purpose").filter(|purpose| carries_prose(purpose));
    let notes = text_of("notes").filter(|notes| carries_notes(notes));
    let sections: Vec<_> = SECTIONS.iter().filter_map(|section| Some((section, entries(node, section)?))).collect();
    let in_front = |entry: &&Entry| match entry.key.as_str() {
        "title" => title.is_none(),
        "purpose" => purpose.is_none(),
        "notes" => notes.is_none(),
        field => !sections.iter().any(|(section, _)| section.field == field),
    };
    let mut text = format!("---\n{}---\n", yaml::fields(node.entries().iter().filter(in_front)));
    if let Some(title) = title {
        text.push_str(&format!("\n# {title}\n"));
    }
    if let Some(purpose) = purpose {
        text.push_str(&format!("\n{purpose}\n"));
    }
    for (section, entries) in sections {
        text.push_str(&format!("\n## {}\n", section.heading));
        for (id, entry) in entries {
            one(&mut text, section, id, entry);
        }
    }
    if let Some(notes) = notes {
        text.push_str(&format!("\n## {NOTES}\n\n{notes}\n"));
    }
    text
}

/// The entries of a section with their ids, if the section can be laid out; otherwise it stays in the front matter.
fn entries<'n>(node: &'n Node, section: &Section) -> Option<Vec<(&'n str, &'n Node)>> {
    let list = &node.entry(section.field)?.value;
    let entries: Vec<_> = match &list.content {
        Content::List(items) => {
            items.iter().map(|item| Some((item.entry("id")?.value.text()?, item))).collect::<Option<_>>()?
        }
        Content::Map(entries) => {
            // A population of its own named `id` in its fence would be taken for its name.
            let plain = entries.iter().all(|entry| entry.value.entry("id").is_none());
            plain.then(|| entries.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect())?
        }
        _ => return None,
    };
    (!entries.is_empty() && entries.iter().all(|(id, _)| !id.is_empty() && !id.contains(['}', '\n'])))
        .then_some(entries)
}

fn one(text: &mut String, section: &Section, id: &str, entry: &Node) {
    let text_of = |field: &str| entry.entry(field).and_then(|entry| entry.value.text());
    let title = text_of("title").filter(|title| carries_title(title));
    let description = text_of("description").filter(|description| carries_prose(description));
    match title {
        Some(title) => text.push_str(&format!("\n### {title} {{#{id}}}\n")),
        None => text.push_str(&format!("\n### {{#{id}}}\n")),
    }
    if let Some(description) = description {
        text.push_str(&format!("\n{description}\n"));
    }
    let in_fence = |field: &&Entry| match field.key.as_str() {
        "id" => false,
        "title" => title.is_none(),
        "description" => description.is_none(),
        _ => true,
    };
    let body = yaml::fields(entry.entries().iter().filter(in_fence));
    text.push_str(&format!("\n```yaml {}\n{body}```\n", section.fence));
}
