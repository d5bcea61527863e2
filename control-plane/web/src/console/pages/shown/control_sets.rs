//! Controls as a table's cell shows them: by framework, and many of them only when somebody asks.

use std::collections::BTreeMap;
use std::str::FromStr;

use askama::Template;
use control_plane_operations::console::ControlRef;

use super::words;
use crate::console::kit::{self, Html};

/// Controls that are shown without being asked for.
const FEW: usize = 4;

#[derive(Template)]
#[template(path = "part/controls.html")]
struct ControlSets<'c> {
    /// Keeps what was opened open when the page brings itself up to date.
    id: String,
    sets: Vec<(&'c str, Vec<&'c str>)>,
    more: Option<usize>,
}

/// Controls, wherever they are; `id` names the place on the page.
pub(crate) fn html(controls: &[ControlRef], id: impl Into<String>) -> Html {
    if controls.is_empty() {
        return kit::none("names no control");
    }
    let more = (controls.len() > FEW).then_some(controls.len());
    kit::html(&ControlSets { id: id.into(), sets: words::controls(controls), more })
}

/// All of them, open.
pub(crate) fn whole(controls: &[ControlRef]) -> Html {
    kit::html(&ControlSets { id: String::new(), sets: words::controls(controls), more: None })
}

/// Controls to choose from, by framework.
pub(crate) fn by_framework(controls: &[ControlRef]) -> Vec<(&str, Vec<&ControlRef>)> {
    let mut sets: BTreeMap<&str, Vec<&ControlRef>> = BTreeMap::new();
    for control in controls {
        sets.entry(&control.framework).or_default().push(control);
    }
    for controls in sets.values_mut() {
        controls.sort_by_key(|control| words::natural(&control.control));
    }
    sets.into_iter().map(|(id, controls)| (words::framework(id), controls)).collect()
}

/// A control as a filter names it: the framework, which has no blank in it, and the control.
pub(crate) struct Asked(pub(crate) ControlRef);

/// A text that names no control.
#[derive(Debug, thiserror::Error)]
#[error("not a control such as `iso-27001-2022 A.5.15`")]
pub(crate) struct NoControl;

impl FromStr for Asked {
    type Err = NoControl;

    fn from_str(text: &str) -> Result<Self, NoControl> {
        let (framework, control) = text.split_once(' ').ok_or(NoControl)?;
        Ok(Self(ControlRef { framework: framework.to_owned(), control: control.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_controls_wait_to_be_asked_for_and_few_do_not() {
        let of = |number: usize| -> Vec<ControlRef> {
            (0..number)
                .map(|place| ControlRef { framework: "cis-v8".into(), control: format!("{place}.<b>") })
                .collect()
        };
        assert!(!html(&of(4), "a").0.contains("<details"));
        let many = html(&of(13), "a").0;
        assert!(many.contains("<summary>13 controls</summary>") && many.contains("id=\"a\""), "{many}");
        assert_eq!(many.matches("CIS Controls v8").count(), 1);
        assert!(!many.contains("<b>"));
        assert!(!whole(&of(13)).0.contains("<details"));
    }
}
