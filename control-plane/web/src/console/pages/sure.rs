//! What ends something is asked once more: the page names the thing, says what comes of it, and wants its name typed.
//! Every act of this kind has this one shape.

use askama::Template;
use http::StatusCode;

use crate::console::answer::Answer;
use crate::console::frame::Frame;
use crate::console::kit::Html;
use crate::console::path::Href;
use crate::console::trouble::Trouble;
use crate::console::values::{CONFIRM, Draft, Values};

/// What is about to be ended.
pub(crate) struct Sure {
    pub(crate) heading: String,
    /// What comes of it, a paragraph each.
    pub(crate) says: Vec<String>,
    /// By what the thing is known for certain.
    pub(crate) facts: Vec<(&'static str, Html)>,
    /// What its name is called: "label", "name", "e-mail address".
    pub(crate) what: &'static str,
    /// The name that has to be typed.
    pub(crate) name: String,
    /// Whether the audit log wants a reason.
    pub(crate) wants_reason: bool,
    /// What the form says besides.
    pub(crate) hidden: &'static [(&'static str, &'static str)],
    pub(crate) action: Href,
    pub(crate) button: &'static str,
    pub(crate) is_danger: bool,
    pub(crate) back: Href,
    pub(crate) back_says: &'static str,
}

#[derive(Template)]
#[template(path = "page/sure.html")]
struct SurePage<'s> {
    frame: Frame,
    sure: &'s Sure,
    draft: Draft,
}

impl SurePage<'_> {
    fn label(&self) -> String {
        format!("Type the {} to confirm", self.sure.what)
    }
}

impl Sure {
    /// Asks.
    pub(crate) fn ask(&self, frame: Frame) -> Result<Answer, Trouble> {
        self.again(frame, StatusCode::OK, Draft::default())
    }

    /// Asks again, with what was wrong.
    pub(crate) fn again(&self, frame: Frame, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
        Answer::page_with(status, &SurePage { frame: frame.answering(status), sure: self, draft })
    }

    /// What was typed; whatever is wrong with the name stands in it.
    pub(crate) fn read(&self, form: &Values) -> Draft {
        let mut draft = form.draft();
        if !form.confirms(&self.name) {
            draft.fault_at(CONFIRM, format_args!("this is not the {}: type it exactly as it is shown", self.what));
        }
        draft
    }
}

#[cfg(test)]
impl Sure {
    /// A thing of this name.
    fn sample(name: &str, wants_reason: bool) -> Self {
        use crate::console::{kit, path};
        Self {
            heading: format!("Remove the device key “{name}”"),
            says: vec!["This browser requests no evidence any more.".to_owned(), name.to_owned()],
            facts: vec![("Fingerprint", kit::id(name)), ("Last used", kit::quiet("never"))],
            what: "label",
            name: name.to_owned(),
            wants_reason,
            hidden: &[],
            action: path::account_device_remove(crypto::Digest::ZERO),
            button: "Remove",
            is_danger: true,
            back: path::account(),
            back_says: "Keep it",
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::frame::Section;
    use crate::console::sample::{HOSTILE, Sample};

    let frame = || Frame::sample(Section::Account, "Remove a device key");
    let (plain, hostile) = (Sure::sample("Ada's laptop", false), Sure::sample(HOSTILE, true));
    let draft = hostile.read(&Values::default());
    vec![
        Sample::page("sure, ordinary", &SurePage { frame: frame(), sure: &plain, draft: Draft::default() }),
        Sample::page("sure, hostile", &SurePage { frame: frame(), sure: &hostile, draft }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::route::Field;
    use crate::problem::Problem;

    #[test]
    fn nothing_but_the_name_is_the_name() {
        let sure = Sure::sample("Ada's laptop", false);
        let read = |typed: &str| {
            sure.read(&Values::read(typed.as_bytes(), &[Field::one("confirm")], Problem::other_form).unwrap())
        };
        assert!(!read("confirm=Ada%27s+laptop").has_faults());
        assert!(!read("confirm=+Ada%27s+laptop+").has_faults(), "blanks around it are not part of a name");
        for other in ["", "confirm=", "confirm=Ada", "confirm=ada%27s+laptop", "confirm=Ada%27s++laptop"] {
            assert!(read(other).has_faults(), "{other}");
        }
    }
}
