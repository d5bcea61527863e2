//! How people sign in: stretched passwords, sealed seeds, digests of recovery codes.

use clock::Timestamp;
use control_plane_domain::account::{Credentials, Password, RecoveryCode, Totp};
use crypto::Digest;
use ids::PersonId;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

impl Reads {
    /// How far a person has come in setting up how they sign in.
    pub async fn credentials(&self, person: PersonId) -> Result<Credentials, StoreError> {
        let sql = sql!(
            "SELECT person, password, password_set, totp, totp_since, totp_step FROM credential \
             WHERE tenant = $1 AND person = $2"
        );
        let found = self.one("credential", sql, values![person], read).await?;
        Ok(found.unwrap_or(Credentials::Nothing))
    }

    /// A person's recovery codes, used ones included.
    pub async fn recovery_codes(&self, person: PersonId) -> Result<Vec<RecoveryCode>, StoreError> {
        let sql = sql!("SELECT digest, used FROM recovery_code WHERE tenant = $1 AND person = $2 ORDER BY digest");
        let read = |mut cells: Cells| Ok(RecoveryCode { digest: cells.take("digest")?, used: cells.take("used")? });
        self.all("recovery_code", sql, values![person], read).await
    }
}

impl Writes {
    /// Gives a person a password; a second factor stays.
    pub async fn set_password(&self, person: PersonId, password: &Password) -> Result<(), StoreError> {
        let Password { phc, set } = password;
        let sql = sql!(
            "INSERT INTO credential (tenant, person, password, password_set) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, person) DO UPDATE SET password = excluded.password, \
             password_set = excluded.password_set"
        );
        self.change("credential", person, sql, values![person, phc, set]).await
    }

    /// Gives a person who has a password a second factor.
    pub async fn set_totp(&self, person: PersonId, totp: &Totp) -> Result<(), StoreError> {
        let Totp { sealed, since, last_step } = totp;
        let sql =
            sql!("UPDATE credential SET totp = $3, totp_since = $4, totp_step = $5 WHERE tenant = $1 AND person = $2");
        self.change("credential", person, sql, values![person, sealed, since, last_step]).await
    }

    /// Takes a person's second factor and recovery codes away, if there are any.
    pub async fn clear_totp(&self, person: PersonId) -> Result<u64, StoreError> {
        let codes = sql!("DELETE FROM recovery_code WHERE tenant = $1 AND person = $2");
        self.count("recovery_code", person, codes, values![person]).await?;
        let sql = sql!(
            "UPDATE credential SET totp = NULL, totp_since = NULL, totp_step = NULL \
             WHERE tenant = $1 AND person = $2 AND totp IS NOT NULL"
        );
        self.count("credential", person, sql, values![person]).await
    }

    /// A code of this step was used; `false` when one of it, or of a later step, was used before.
    pub async fn use_totp_step(&self, person: PersonId, step: u64) -> Result<bool, StoreError> {
        let sql = sql!("UPDATE credential SET totp_step = $3 WHERE tenant = $1 AND person = $2 AND totp_step < $3");
        Ok(self.count("credential", person, sql, values![person, step]).await? == 1)
    }

    /// Forgets how a person signs in.
    pub async fn forget_credentials(&self, person: PersonId) -> Result<u64, StoreError> {
        let codes = sql!("DELETE FROM recovery_code WHERE tenant = $1 AND person = $2");
        self.count("recovery_code", person, codes, values![person]).await?;
        let sql = sql!("DELETE FROM credential WHERE tenant = $1 AND person = $2");
        self.count("credential", person, sql, values![person]).await
    }

    /// Gives a person new recovery codes; those before are gone.
    pub async fn replace_recovery_codes(&self, person: PersonId, codes: &[Digest]) -> Result<(), StoreError> {
        let old = sql!("DELETE FROM recovery_code WHERE tenant = $1 AND person = $2");
        self.count("recovery_code", person, old, values![person]).await?;
        let sql = sql!("INSERT INTO recovery_code (tenant, person, digest) VALUES ($1, $2, $3)");
        let rows = codes.iter().map(|digest| values![person, digest]).collect();
        self.each("recovery_code", person, sql, rows).await
    }

    /// A recovery code is used; `false` when there is none like it, or it was used.
    pub async fn use_recovery_code(
        &self,
        person: PersonId,
        digest: &Digest,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = sql!(
            "UPDATE recovery_code SET used = $4 WHERE tenant = $1 AND person = $2 AND digest = $3 AND used IS NULL"
        );
        Ok(self.count("recovery_code", person, sql, values![person, digest, at]).await? == 1)
    }
}

fn read(mut cells: Cells) -> Result<Credentials, StoreError> {
    let _: PersonId = cells.take("person")?;
    let password = Password { phc: cells.take("password")?, set: cells.take("password_set")? };
    match (cells.take("totp")?, cells.take("totp_since")?, cells.take("totp_step")?) {
        (None, None, None) => Ok(Credentials::Password(password)),
        (Some(sealed), Some(since), Some(last_step)) => {
            Ok(Credentials::Both { password, totp: Totp { sealed, since, last_step } })
        }
        (_, _, _) => Err(cells.wrong("its second factor is not whole")),
    }
}
