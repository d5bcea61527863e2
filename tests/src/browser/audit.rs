//! Accessibility of the page that a browser shows, measured in the page as it was rendered: structure, labels, names,
//! contrast, focus, the size of targets, and whether it fits.

use serde_json::{Value, json};

use super::Browser;

const SCRIPT: &str = include_str!("audit.js");

/// Roles of what people act on: each needs a name.
const ACTED_ON: [&str; 14] = [
    "button",
    "checkbox",
    "combobox",
    "link",
    "listbox",
    "menuitem",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
    "DisclosureTriangle",
];

impl Browser {
    /// What people would stumble over on this page: the rule, the place, and what was measured.
    pub fn audit(&self) -> Vec<String> {
        let found = self.run(SCRIPT, json!([]));
        let found = found.as_array().cloned().unwrap_or_default();
        let mut faults: Vec<String> = found.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        faults.extend(self.nameless());
        faults
    }

    /// The same for a page that must have no fault.
    #[track_caller]
    pub fn is_accessible(&self) {
        let faults = self.audit();
        assert!(faults.is_empty(), "{}:\n{}", self.path(), faults.join("\n"));
    }

    /// What can be acted on and has no name, as the browser tells it to a screen reader.
    fn nameless(&self) -> Vec<String> {
        self.cdp("Accessibility.enable", json!({}));
        let tree = self.cdp("Accessibility.getFullAXTree", json!({}));
        self.cdp("Accessibility.disable", json!({}));
        let nodes = tree.get("nodes").and_then(Value::as_array).cloned().unwrap_or_default();
        let text =
            |node: &Value, pointer: &str| node.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let seen = nodes.iter().filter(|node| node.get("ignored").and_then(Value::as_bool) != Some(true));
        let acted_on = seen.filter(|node| ACTED_ON.contains(&text(node, "/role/value").as_str()));
        let nameless = acted_on.filter(|node| text(node, "/name/value").trim().is_empty());
        nameless.map(|node| format!("name: a {} has none", text(node, "/role/value"))).collect()
    }
}
