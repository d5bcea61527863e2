//! What a page is: one row of the table from which the router and the tests are made.

use std::pin::Pin;

use control_plane_domain::policy::Permission;

use super::answer::Answer;
use super::trouble::Trouble;
use super::visit::{Guest, Visit};
use crate::http::verb::Verb;

/// One page, or one thing that a page can do.
pub(crate) struct PageRoute {
    pub(crate) verb: Verb,
    /// The whole path, with parameters in braces.
    pub(crate) path: &'static str,
    /// A name for logs and tests.
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    /// What may stand in its query.
    pub(crate) query: &'static [Field],
    /// What its body is.
    pub(crate) takes: Takes,
}

/// Who may ask, and what then happens.
pub(crate) enum Access {
    /// Everybody, signed in or not.
    Open(HandleGuest),
    /// Whoever has shown a password and not yet a second factor.
    Half(HandleGuest),
    /// Everybody who is signed in.
    Full(Handle),
    /// Whoever is signed in and has one of these permissions.
    Permitted(&'static [Permission], Handle),
}

/// Does what a person who is signed in asks for.
pub(crate) type Handle = for<'v> fn(&'v Visit) -> Answering<'v>;

/// Does what somebody asks for who is not signed in, or half.
pub(crate) type HandleGuest = for<'v> fn(&'v Guest) -> Answering<'v>;

pub(crate) type Answering<'v> = Pin<Box<dyn Future<Output = Result<Answer, Trouble>> + Send + 'v>>;

/// What the body of a request is. What is not named is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    /// There is none.
    Nothing,
    /// A form with these fields, besides its token.
    Form(&'static [Field]),
    /// A JSON document out of a script of ours; its token stands in a header.
    Json,
}

/// A name that may stand in a query or a form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) may_repeat: bool,
    /// Whether what is typed there is kept nowhere, not even in the page that is answered.
    pub(crate) is_secret: bool,
}

impl Field {
    /// At most once.
    pub(crate) const fn one(name: &'static str) -> Self {
        Self { name, may_repeat: false, is_secret: false }
    }

    /// Any number of times.
    pub(crate) const fn many(name: &'static str) -> Self {
        Self { name, may_repeat: true, is_secret: false }
    }

    /// At most once, and a secret.
    pub(crate) const fn secret(name: &'static str) -> Self {
        Self { name, may_repeat: false, is_secret: true }
    }

    /// Any number of times, each a secret.
    pub(crate) const fn secrets(name: &'static str) -> Self {
        Self { name, may_repeat: true, is_secret: true }
    }
}
