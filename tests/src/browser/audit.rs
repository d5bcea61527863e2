//! Accessibility of the page that a browser shows, measured in the page as it was rendered: structure, labels, names,
//! contrast, focus, the size of targets, and whether it fits.

use serde_json::{Value, json};

use super::{Browser, Look};

const SCRIPT: &str = concat!(include_str!("audit.js"), include_str!("roles.js"), include_str!("measure.js"));

/// Roles of what people act on or look at as one thing: each needs a name.
const ACTED_ON: [&str; 20] = [
    "alertdialog",
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "link",
    "listbox",
    "menuitem",
    "meter",
    "progressIndicator",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
    "tooltip",
    "treeitem",
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

    /// The same in every look that people have; the page is as it was afterwards.
    pub fn audit_looks(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, look) in Look::ALL {
            self.look(look);
            faults.extend(self.audit().into_iter().map(|fault| format!("{} ({name}): {fault}", self.path())));
        }
        self.look(Look::default());
        faults
    }

    /// No fault in any look.
    #[track_caller]
    pub fn is_accessible_in_every_look(&self) {
        let faults = self.audit_looks();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
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
