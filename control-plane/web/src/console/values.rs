//! Queries and forms, read strictly: known names only, each as often as it may, no text that is not UTF-8.

use std::fmt;
use std::str::FromStr;

use clock::Timestamp;
use control_plane_domain::list::{Cursor, Page};
use control_plane_operations::{Error, Kind};
use crypto::Secret;
use url::form_urlencoded;

use super::kit::{self, Html};
use super::route::Field;
use super::trouble::Trouble;
use crate::problem::Problem;

/// Rows of a page.
const ROWS: u32 = 50;

/// The parameters of every list.
const CURSOR: &str = "cursor";
const LIMIT: &str = "limit";

/// The field in which a person types a name to confirm.
pub(crate) const CONFIRM: &str = "confirm";

/// What was asked for or typed.
#[derive(Default)]
pub(crate) struct Values(Vec<(&'static str, Secret<String>)>);

impl Values {
    /// Reads pairs of which these are the known names. Empty values of a query are as if they were not there: a filter
    /// form sends all its fields.
    pub(super) fn read(text: &[u8], known: &[Field], refuse: fn() -> Problem) -> Result<Self, Problem> {
        let mut found: Vec<(&'static str, Secret<String>)> = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            // The parser writes U+FFFD for what is not UTF-8; here it is refused.
            let Some((name, value)) = form_urlencoded::parse(pair).next() else { continue };
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') || value.contains('\0') {
                return Err(refuse().because("it is not text"));
            }
            let Some(field) = known.iter().find(|field| field.name == name) else {
                return Err(refuse().because(format_args!("unknown field `{name}`")));
            };
            if !field.may_repeat && found.iter().any(|(name, _)| *name == field.name) {
                return Err(refuse().because(format_args!("`{}` stands there twice", field.name)));
            }
            found.push((field.name, Secret::new(value.into_owned())));
        }
        Ok(Self(found))
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| value.expose().as_str())
    }

    /// A value without the blanks around it; an empty one is none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// A value, if it is there.
    pub(crate) fn parsed<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Trouble> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let refused = || Problem::query().because(format_args!("`{name}` has a value that it cannot have"));
        value.parse().map(Some).map_err(|_| refused().into())
    }

    /// Every value of a name that may repeat.
    pub(crate) fn all<'v>(&'v self, name: &'v str) -> impl Iterator<Item = &'v str> {
        self.0.iter().filter(move |(found, _)| *found == name).map(|(_, value)| value.expose().as_str())
    }

    /// A secret, exactly as it was typed; empty if it is not there.
    pub(crate) fn secret(&self, name: &str) -> Secret<String> {
        Secret::new(self.raw(name).unwrap_or_default().to_owned())
    }

    /// Takes a value out, exactly as it was typed.
    pub(super) fn take(&mut self, name: &str) -> Option<Secret<String>> {
        let at = self.0.iter().position(|(found, _)| *found == name)?;
        Some(self.0.remove(at).1)
    }

    /// Which page of a list is asked for.
    pub(crate) fn page(&self) -> Result<Page, Trouble> {
        let after: Option<Cursor> = self.parsed(CURSOR)?;
        if after.as_ref().is_some_and(|cursor| cursor.parts().iter().any(|part| part.contains(char::is_control))) {
            return Err(Problem::query().because("`cursor` has a value that it cannot have").into());
        }
        let limit = self.parsed(LIMIT)?.unwrap_or(ROWS);
        Page::new(after, limit).map_err(|error| Problem::query().because(error).into())
    }

    /// Whether the name of a thing was typed to confirm what is done to it.
    pub(crate) fn confirms(&self, name: &str) -> bool {
        self.text(CONFIRM) == Some(name.trim())
    }

    /// What was typed, to be shown again with what is wrong.
    pub(crate) fn draft(&self) -> Draft {
        let values = self.0.iter().map(|(name, value)| (*name, value.expose().clone())).collect();
        Draft { values, faults: Vec::new() }
    }

    /// The pairs, to be put into a link.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.expose().as_str())).filter(|(_, value)| !value.is_empty())
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What a person typed into a form, with what is wrong with it. Secrets are read from [`Values`] and forgotten: only
/// fields that a template names are written again, and none of them names a secret.
#[derive(Default)]
pub(crate) struct Draft {
    values: Vec<(&'static str, String)>,
    faults: Vec<(&'static str, String)>,
}

/// Where a fault stands that is not of one field.
const WHOLE: &str = "";

impl Draft {
    /// A draft that begins with these values.
    pub(crate) fn of(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { values: values.into_iter().collect(), faults: Vec::new() }
    }

    /// A field that must be there. What is wrong with it stands beside it from now on.
    pub(crate) fn read<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        if self.value(name).trim().is_empty() {
            self.fault_at(name, "this is needed");
            return None;
        }
        self.read_optional(name)
    }

    /// A field that may be empty.
    pub(crate) fn read_optional<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let value = self.value(name).trim().to_owned();
        if value.is_empty() {
            return None;
        }
        value.parse().map_err(|error: T::Err| self.fault_at(name, error)).ok()
    }

    /// What is wrong with a field.
    pub(crate) fn fault_at(&mut self, name: &'static str, why: impl fmt::Display) {
        self.faults.push((name, why.to_string()));
    }

    /// What an operation refused, if the person can mend it in this form; everything else comes back.
    pub(crate) fn refuse(&mut self, error: Error) -> Result<(), Trouble> {
        match (error.kind(), &error) {
            (_, Error::Invalid { field, why }) => {
                let place = self.values.iter().find(|(name, _)| name == field).map_or(WHOLE, |(name, _)| *name);
                self.faults.push((place, why.clone()));
                Ok(())
            }
            (Kind::Invalid | Kind::Conflict, _) => {
                self.faults.push((WHOLE, format!("{error}. {} ({})", sentence(error.next_step()), error.code())));
                Ok(())
            }
            (
                Kind::Unauthenticated
                | Kind::Forbidden
                | Kind::NotFound
                | Kind::Throttled { .. }
                | Kind::Unavailable
                | Kind::Fault,
                _,
            ) => Err(error.into()),
        }
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// What stands in a field.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value)
    }

    /// What stands in a field for a day. What is none would not be shown by a browser, and would not be valid there.
    pub(crate) fn day(&self, name: &str) -> &str {
        let day = self.value(name);
        let is_day = format!("{day}T00:00:00.000Z").parse::<Timestamp>().is_ok();
        if is_day { day } else { "" }
    }

    /// What is wrong with a field, below it.
    pub(crate) fn fault(&self, name: &str) -> Html {
        kit::fault(name, self.fault_of(name))
    }

    fn fault_of(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|(found, _)| *found == name).map(|(_, why)| why.as_str())
    }

    /// The attributes that tie a field to what is wrong with it.
    pub(crate) fn aria(&self, name: &str) -> Html {
        if self.fault_of(name).is_some() {
            kit::safe(format!(" aria-invalid=\"true\" aria-describedby=\"fault-{}\"", kit::word(name)))
        } else {
            kit::safe(String::new())
        }
    }

    /// The same for a field that has a hint above it.
    pub(crate) fn aria_with_hint(&self, name: &str) -> Html {
        let id = kit::word(name);
        kit::safe(if self.fault_of(name).is_some() {
            format!(" aria-invalid=\"true\" aria-describedby=\"hint-{id} fault-{id}\"")
        } else {
            format!(" aria-describedby=\"hint-{id}\"")
        })
    }

    pub(crate) fn selected(&self, name: &str, value: impl fmt::Display) -> Html {
        let is = self.value(name) == value.to_string();
        kit::safe(if is { " selected".to_owned() } else { String::new() })
    }

    pub(crate) fn checked(&self, name: &str, value: impl fmt::Display) -> Html {
        let is = self.values.iter().any(|(found, typed)| *found == name && *typed == value.to_string());
        kit::safe(if is { " checked".to_owned() } else { String::new() })
    }

    /// Everything that is wrong, above the form.
    pub(crate) fn summary(&self) -> Html {
        kit::faults(&self.faults)
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Field] = &[Field::one("a"), Field::one("b"), Field::many("item"), Field::one("cursor")];

    fn read(text: &str) -> Result<Values, Problem> {
        Values::read(text.as_bytes(), KNOWN, Problem::other_form)
    }

    #[test]
    fn only_known_names_are_read_and_as_often_as_they_may() {
        let values = read("a=+x%20&b=&item=1&item=2").unwrap();
        assert_eq!((values.text("a"), values.text("b"), values.text("c")), (Some("x"), None, None));
        assert_eq!(values.all("item").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(values.secret("a").expose(), " x ");
        for wrong in ["a=1&a=2", "c=1", "A=1", "a=%ff", "%ff=1", "a=%00", "a[]=1", "a=1;b=2&c"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read("").unwrap().pairs().count(), 0);
    }

    #[test]
    fn what_is_wrong_stands_by_its_field() {
        let mut draft = read("a=12&b=x").unwrap().draft();
        assert_eq!(draft.read::<u32>("a"), Some(12));
        assert_eq!(draft.read::<u32>("b"), None);
        assert_eq!(draft.read::<u32>("c"), None);
        assert!(draft.has_faults());
        assert!(draft.fault("b").0.contains("id=\"fault-b\""), "{}", draft.fault("b").0);
        assert!(draft.aria("b").0.contains("aria-describedby=\"fault-b\""));
        assert_eq!((draft.value("b"), draft.aria("a").0.as_str()), ("x", ""));
        assert!(draft.summary().0.contains("this is needed"));
    }

    #[test]
    fn a_field_for_a_day_holds_a_day_or_nothing() {
        let draft = read("a=2026-11-22&b=2026-13-01").unwrap().draft();
        assert_eq!((draft.day("a"), draft.day("b"), draft.day("item")), ("2026-11-22", "", ""));
        for wrong in ["yesterday", "2026-11-2", "2026-11-22T00:00", "\u{ffff}", "\"><script>"] {
            assert_eq!(Draft::of([("a", wrong.to_owned())]).day("a"), "", "{wrong}");
        }
    }
}
