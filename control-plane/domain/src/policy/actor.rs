//! Who did it, as the audit log names them: by id, never by name.

use ids::{ApiKeyId, PersonId, RunnerId, SessionId};
use serde::{Deserialize, Serialize};

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Actor {
    /// A person, through one of their keys.
    Person {
        /// Who.
        person: PersonId,
        /// Through which key.
        key: ApiKeyId,
    },
    /// A person, signed in at the console.
    Console {
        /// Who.
        person: PersonId,
        /// In which session.
        session: SessionId,
    },
    /// A Runner, through its certificate.
    Runner {
        /// Which.
        runner: RunnerId,
    },
    /// The operator of the platform, at the host's own console.
    Operator {},
    /// The control plane itself, because time passed.
    System {},
}
