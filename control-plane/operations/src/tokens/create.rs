//! A token is made. Its text is shown once; it lets in one Runner, within ten minutes, after an administrator has
//! compared the Runner's fingerprint.

use contract::Label;
use contract::token::JoinToken as Text;
use control_plane_domain::audit::Action;
use control_plane_domain::join_token::{JoinToken, TokenState};
use control_plane_domain::policy::{Caller, Permission};
use crypto::Secret;
use ids::TokenId;

use crate::{Error, Operations};

/// How long a token can be used for the first time.
const LIFE_MS: i64 = 10 * 60 * 1000;

/// A token that was made. Its text is shown this once.
#[derive(Debug)]
pub struct CreatedToken {
    /// What is kept of it.
    pub record: JoinToken,
    /// The token.
    pub text: Secret<String>,
}

impl Operations {
    /// Makes a token for a Runner of this name.
    pub async fn create_token(&self, caller: &Caller, label: Label) -> Result<CreatedToken, Error> {
        let permit = caller.permit(Permission::TokensCreate)?;
        self.check_confirmed(caller)?;
        let token = Text::generate(permit.tenant(), self.entropy());
        let (ms, random) = self.fresh();
        let now = self.now();
        let record = JoinToken {
            id: TokenId::from_parts(ms, random),
            label: label.as_str().parse().map_err(|why| Error::invalid("label", why))?,
            created_by: caller.person(),
            created: now,
            expires: now.plus_ms(LIFE_MS),
            state: TokenState::Open,
        };
        let tx = self.store().write(&permit).await?;
        tx.add_join_token(&record, &token.digest()).await?;
        let action = Action::TokenCreated { token: record.id, expires: record.expires };
        tx.commit(&permit.record(action)).await?;
        Ok(CreatedToken { record, text: token.to_text() })
    }
}
