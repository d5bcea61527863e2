//! Queries, read strictly: known parameters only, each at most once.

use std::str::FromStr;

use control_plane_domain::list::{Cursor, Page};
use url::form_urlencoded;

use crate::problem::Problem;

/// Rows of a page when the request does not say.
const DEFAULT_LIMIT: u32 = 50;

/// The parameters of every list.
pub(crate) const LIMIT: &str = "limit";
pub(crate) const CURSOR: &str = "cursor";

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads a query of which these are the known names.
    pub(crate) fn read<'n>(
        query: &str,
        known: impl Iterator<Item = &'n &'static str> + Clone,
    ) -> Result<Self, Problem> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(known) = known.clone().find(|known| **known == name) else {
                return Err(Problem::query().because(format!("unknown parameter `{name}`")));
            };
            if found.iter().any(|(name, _)| name == known) {
                return Err(Problem::query().because(format!("`{known}` stands there twice")));
            }
            found.push((known, value.into_owned()));
        }
        Ok(Self(found))
    }

    /// A parameter, if it is there.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some((name, value)) = self.0.iter().find(|(found, _)| *found == name) else { return Ok(None) };
        match value.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(Problem::query().because(format!("`{name}` has a value that it cannot have"))),
        }
    }

    /// Which page of a list is asked for.
    pub(crate) fn page(&self) -> Result<Page, Problem> {
        let after: Option<Cursor> = self.parsed(CURSOR)?;
        // Places in a list are ids, names and numbers; a database may not even be able to compare anything else.
        if after.as_ref().is_some_and(|cursor| cursor.parts().iter().any(|part| part.contains(char::is_control))) {
            return Err(Problem::query().because("`cursor` has a value that it cannot have"));
        }
        let limit = self.parsed(LIMIT)?.unwrap_or(DEFAULT_LIMIT);
        Page::new(after, limit).map_err(|error| Problem::query().because(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Query, Problem> {
        Query::read(query, ["runner", LIMIT, CURSOR].iter())
    }

    #[test]
    fn known_parameters_are_read_once() {
        assert_eq!(read("").unwrap().page().unwrap().limit(), 50);
        assert_eq!(read("limit=7&runner=x").unwrap().page().unwrap().limit(), 7);
        for query in ["runer=x", "limit=1&limit=1", "x", "limit=1&LIMIT=2"] {
            assert_eq!(read(query).unwrap_err().code(), "E-WEB-009", "{query}");
        }
        let control = Cursor::at(["a\0".to_owned()]);
        assert_eq!(read(&format!("cursor={control}")).unwrap().page().unwrap_err().code(), "E-WEB-009");
        for query in ["limit=0", "limit=201", "limit=", "limit=-1", "limit=a", "cursor=", "cursor=zz", "limit=%31%2e"] {
            assert_eq!(read(query).unwrap().page().unwrap_err().code(), "E-WEB-009", "{query}");
        }
    }
}
