//! Join tokens: their hashes, and which statement of keys used them.

use clock::Timestamp;
use control_plane_domain::join_token::{JoinToken, TokenState};
use control_plane_domain::list::{Listed, Page};
use crypto::Digest;
use ids::{RunnerId, TokenId};

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, values};

impl Reads {
    /// A token.
    pub async fn join_token(&self, id: TokenId) -> Result<Option<JoinToken>, StoreError> {
        let sql = sql!(
            "SELECT token, label, created_by, created, expires, state, changed, statement, runner FROM join_token \
             WHERE tenant = $1 AND token = $2"
        );
        self.one("join_token", sql, values![id], read).await
    }

    /// The token with this hash.
    pub async fn join_token_by_digest(&self, digest: &Digest) -> Result<Option<JoinToken>, StoreError> {
        let sql = sql!(
            "SELECT token, label, created_by, created, expires, state, changed, statement, runner FROM join_token \
             WHERE tenant = $1 AND digest = $2"
        );
        self.one("join_token", sql, values![digest], read).await
    }

    /// Tokens, newest first.
    pub async fn join_tokens(&self, page: &Page) -> Result<Listed<JoinToken>, StoreError> {
        let before = After::of(page, 1)?.text_down(0);
        let sql = sql!(
            "SELECT token, label, created_by, created, expires, state, changed, statement, runner FROM join_token \
             WHERE tenant = $1 AND token < $2 ORDER BY token DESC LIMIT $3"
        );
        self.list("join_token", sql, values![before], page, read, |token| vec![token.id.to_string()]).await
    }
}

impl Writes {
    /// Keeps a token that nobody has used.
    pub async fn add_join_token(&self, token: &JoinToken, digest: &Digest) -> Result<(), StoreError> {
        let JoinToken { id, label, created_by, created, expires, state } = token;
        if *state != TokenState::Open {
            return Err(StoreError::inconsistent("join_token", id, "a new token is open"));
        }
        let sql = sql!(
            "INSERT INTO join_token (tenant, token, label, digest, created_by, created, expires, state) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')"
        );
        self.change("join_token", id, sql, values![id, label, digest, created_by, created, expires]).await
    }

    /// An open token is this statement's from now on.
    pub async fn use_join_token(
        &self,
        id: TokenId,
        statement: &Digest,
        runner: RunnerId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = sql!(
            "UPDATE join_token SET state = 'used', statement = $3, runner = $4, changed = $5 \
             WHERE tenant = $1 AND token = $2 AND state = 'open'"
        );
        self.change("join_token", id, sql, values![id, statement, runner, at]).await
    }

    /// Takes an open token back.
    pub async fn revoke_join_token(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        let sql = sql!(
            "UPDATE join_token SET state = 'revoked', changed = $3 WHERE tenant = $1 AND token = $2 AND state = 'open'"
        );
        self.change("join_token", id, sql, values![id, at]).await
    }
}

fn read(mut cells: Cells) -> Result<JoinToken, StoreError> {
    let id = cells.take("token")?;
    let label = cells.take("label")?;
    let created_by = cells.take("created_by")?;
    let created = cells.take("created")?;
    let expires = cells.take("expires")?;
    let word: String = cells.take("state")?;
    let (changed, statement, runner) = (cells.take("changed")?, cells.take("statement")?, cells.take("runner")?);
    let state = match (word.as_str(), changed, statement, runner) {
        ("open", None, None, None) => TokenState::Open,
        ("used", Some(at), Some(statement), Some(runner)) => TokenState::Used { statement, runner, at },
        ("revoked", Some(at), None, None) => TokenState::Revoked { at },
        (_, _, _, _) => return Err(cells.wrong("its state does not fit what is kept beside it")),
    };
    Ok(JoinToken { id, label, created_by, created, expires, state })
}
