//! API keys: their hashes, and what is known of them.

use clock::Timestamp;
use control_plane_domain::api_key::{ApiKey, StoredApiKey};
use control_plane_domain::list::{Listed, Page};
use ids::{ApiKeyId, PersonId};

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, values};

impl Reads {
    /// A key with its hash.
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<StoredApiKey>, StoreError> {
        let sql = sql!(
            "SELECT api_key, person, label, scopes, created, expires, last_used, revoked, digest, created_by \
             FROM api_key WHERE tenant = $1 AND api_key = $2"
        );
        let read = |mut cells: Cells| {
            let key = read_cells(&mut cells)?;
            Ok(StoredApiKey { key, digest: cells.take("digest")?, created_by: cells.take("created_by")? })
        };
        self.one("api_key", sql, values![id], read).await
    }

    /// Keys, of one person or of all.
    pub async fn api_keys(&self, person: Option<PersonId>, page: &Page) -> Result<Listed<ApiKey>, StoreError> {
        let after = After::of(page, 1)?.text(0);
        let place = |key: &ApiKey| vec![key.id.to_string()];
        let read = |mut cells: Cells| read_cells(&mut cells);
        let Some(person) = person else {
            let sql = sql!(
                "SELECT api_key, person, label, scopes, created, expires, last_used, revoked FROM api_key \
                 WHERE tenant = $1 AND api_key > $2 ORDER BY api_key LIMIT $3"
            );
            return self.list("api_key", sql, values![after], page, read, place).await;
        };
        let sql = sql!(
            "SELECT api_key, person, label, scopes, created, expires, last_used, revoked FROM api_key \
             WHERE tenant = $1 AND person = $2 AND api_key > $3 ORDER BY api_key LIMIT $4"
        );
        self.list("api_key", sql, values![person, after], page, read, place).await
    }

    /// Keys that a person made, for others and for themselves, and that still hold: with whose they are.
    pub async fn open_api_keys_made_by(
        &self,
        person: PersonId,
        now: Timestamp,
    ) -> Result<Vec<(ApiKeyId, PersonId)>, StoreError> {
        let sql = sql!(
            "SELECT api_key, person FROM api_key WHERE tenant = $1 AND created_by = $2 AND expires > $3 \
             AND revoked IS NULL AND created_by IS NOT NULL ORDER BY api_key"
        );
        let read = |mut cells: Cells| Ok((cells.take("api_key")?, cells.take("person")?));
        self.all("api_key", sql, values![person, now], read).await
    }
}

impl Writes {
    /// Keeps a key.
    pub async fn add_api_key(&self, stored: &StoredApiKey) -> Result<(), StoreError> {
        let StoredApiKey { key, digest, created_by } = stored;
        let ApiKey { id, person, label, scopes, created, expires, last_used, revoked } = key;
        let sql = sql!(
            "INSERT INTO api_key (tenant, api_key, person, label, scopes, digest, created, expires, last_used, revoked, \
             created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        );
        let row = values![id, person, label, scopes, digest, created, expires, last_used, revoked, created_by];
        self.change("api_key", id, sql, row).await
    }

    /// Ends a key that is not ended.
    pub async fn revoke_api_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        let sql = sql!("UPDATE api_key SET revoked = $3 WHERE tenant = $1 AND api_key = $2 AND revoked IS NULL");
        self.change("api_key", id, sql, values![id, at]).await
    }

    /// Ends every key of a person; how many there were.
    pub async fn revoke_api_keys_of(&self, person: PersonId, at: Timestamp) -> Result<u64, StoreError> {
        let sql = sql!("UPDATE api_key SET revoked = $3 WHERE tenant = $1 AND person = $2 AND revoked IS NULL");
        self.count("api_key", person, sql, values![person, at]).await
    }

    /// The key was used.
    pub async fn touch_api_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        let sql = sql!("UPDATE api_key SET last_used = $3 WHERE tenant = $1 AND api_key = $2");
        self.change("api_key", id, sql, values![id, at]).await
    }
}

fn read_cells(cells: &mut Cells) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: cells.take("api_key")?,
        person: cells.take("person")?,
        label: cells.take("label")?,
        scopes: cells.take("scopes")?,
        created: cells.take("created")?,
        expires: cells.take("expires")?,
        last_used: cells.take("last_used")?,
        revoked: cells.take("revoked")?,
    })
}
