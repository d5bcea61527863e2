//! A statement's text. Only literals become one, through [`sql!`], so that a test finds every statement of the crate.

/// One statement, understood by both databases. In a tenant's transaction `$1` is always the tenant and is bound by the
/// transaction itself; the caller's values begin at `$2`. A statement without it is refused there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sql(&'static str);

impl Sql {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self(text)
    }

    pub(crate) const fn text(self) -> &'static str {
        self.0
    }
}

macro_rules! sql {
    ($text:literal) => {
        $crate::sql::Sql::new($text)
    };
}

pub(crate) use sql;
