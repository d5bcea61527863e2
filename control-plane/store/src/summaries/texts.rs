//! The files of procedures: those that are installed, and those that were and that runs go on naming.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_domain::procedure::TextPlace;
use crypto::Digest;
use crypto::digest::sha256;
use ids::RunnerId;
use proof::text::Name;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

/// Runners of which a file is offered: the same file may lie at a thousand.
const PLACES: u32 = 4;

impl Reads {
    /// Where the file with this digest is kept: some of the Runners that have it installed, then some that had it.
    pub async fn text_places(&self, digest: &Digest) -> Result<Vec<TextPlace>, StoreError> {
        let mut places = self.text_places_of(&BTreeSet::from([*digest])).await?;
        Ok(places.remove(digest).unwrap_or_default())
    }

    /// The same for several digests; each of them is there, if only without a place.
    pub async fn text_places_of(
        &self,
        digests: &BTreeSet<Digest>,
    ) -> Result<BTreeMap<Digest, Vec<TextPlace>>, StoreError> {
        let mut places: BTreeMap<Digest, Vec<TextPlace>> = digests.iter().map(|digest| (*digest, Vec::new())).collect();
        let each = || digests.iter().map(|digest| values![digest, PLACES]).collect::<Vec<_>>();
        let sql = sql!(
            "SELECT digest, runner, notation, length(source) FROM procedure_source WHERE tenant = $1 AND digest = $2 \
             ORDER BY runner, notation LIMIT $3"
        );
        let mut found = self.all_of_each("procedure_source", sql, each(), |cells| read_place(cells, false)).await?;
        let sql = sql!(
            "SELECT procedure_past.digest, procedure_past.runner, procedure_past.notation, length(procedure_text.source) \
             FROM procedure_past JOIN procedure_text ON procedure_text.tenant = $1 \
             AND procedure_text.sha256 = procedure_past.sha256 \
             WHERE procedure_past.tenant = $1 AND procedure_past.digest = $2 \
             ORDER BY procedure_past.runner, procedure_past.notation LIMIT $3"
        );
        found.extend(self.all_of_each("procedure_past", sql, each(), |cells| read_place(cells, true)).await?);
        for (digest, place) in found {
            places.entry(digest).or_default().push(place);
        }
        Ok(places)
    }

    /// The files that are installed anywhere, each once with one of the places where it lies; at most `limit`.
    pub async fn installed_texts(&self, limit: u32) -> Result<Vec<(Digest, TextPlace)>, StoreError> {
        // A thousand Runners may have the same few: each digest is entered once, whoever has it.
        let sql = sql!(
            "WITH RECURSIVE known (id) AS (SELECT (SELECT digest FROM procedure_source WHERE tenant = $1 \
             ORDER BY digest LIMIT 1) UNION ALL SELECT (SELECT digest FROM procedure_source \
             WHERE tenant = $1 AND digest > known.id ORDER BY digest LIMIT 1) FROM known WHERE known.id IS NOT NULL) \
             SELECT id FROM known WHERE id IS NOT NULL LIMIT $2"
        );
        let digests: Vec<Digest> =
            self.all("procedure_source", sql, values![limit], |mut cells| cells.take("digest")).await?;
        let sql = sql!(
            "SELECT digest, runner, notation, length(source) FROM procedure_source WHERE tenant = $1 AND digest = $2 \
             ORDER BY runner, notation LIMIT 1"
        );
        let each = digests.iter().map(|digest| values![digest]).collect();
        let mut texts = self.all_of_each("procedure_source", sql, each, |cells| read_place(cells, false)).await?;
        texts.sort_by_key(|(digest, _)| *digest);
        Ok(texts)
    }

    /// Installed procedures whose files are withheld, by id.
    pub async fn withheld(&self, limit: u32) -> Result<Vec<(Name, RunnerId, Digest)>, StoreError> {
        let sql = sql!(
            "SELECT procedure_id, runner, digest FROM procedure_installed WHERE tenant = $1 AND has_source = 0 \
             ORDER BY procedure_id, runner, digest LIMIT $2"
        );
        let read = |mut cells: Cells| Ok((cells.take("procedure_id")?, cells.take("runner")?, cells.take("digest")?));
        self.all("procedure_installed", sql, values![limit], read).await
    }

    /// A file, exact bytes.
    pub async fn text_at(&self, digest: &Digest, place: &TextPlace) -> Result<Option<Vec<u8>>, StoreError> {
        let values = values![place.runner, digest, place.notation];
        let sql = if place.is_past {
            sql!(
                "SELECT procedure_text.source FROM procedure_past JOIN procedure_text ON procedure_text.tenant = $1 \
                 AND procedure_text.sha256 = procedure_past.sha256 WHERE procedure_past.tenant = $1 \
                 AND procedure_past.runner = $2 AND procedure_past.digest = $3 AND procedure_past.notation = $4"
            )
        } else {
            sql!(
                "SELECT source FROM procedure_source \
                 WHERE tenant = $1 AND runner = $2 AND digest = $3 AND notation = $4"
            )
        };
        self.one("procedure_source", sql, values, |mut cells| cells.take("source")).await
    }

    /// The digests that are installed at a Runner, with the procedure of each.
    pub(crate) async fn installed_digests(&self, runner: RunnerId) -> Result<Vec<(Digest, Name)>, StoreError> {
        let sql = sql!("SELECT digest, procedure_id FROM procedure_installed WHERE tenant = $1 AND runner = $2");
        let read = |mut cells: Cells| Ok((cells.take("digest")?, cells.take("procedure_id")?));
        self.all("procedure_installed", sql, values![runner], read).await
    }
}

impl Writes {
    /// Keeps the files with these digests, which are about to be taken from the Runner's list.
    pub(crate) async fn keep_texts(&self, runner: RunnerId, digests: &[Digest]) -> Result<(), StoreError> {
        let sql = sql!(
            "SELECT digest, notation, source FROM procedure_source WHERE tenant = $1 AND runner = $2 AND digest = $3"
        );
        let each = digests.iter().map(|digest| values![runner, digest]).collect();
        let read = |mut cells: Cells| {
            let (digest, notation): (Digest, Name) = (cells.take("digest")?, cells.take("notation")?);
            Ok((digest, notation, cells.take::<Vec<u8>>("source")?))
        };
        for (digest, notation, source) in self.all_of_each("procedure_source", sql, each, read).await? {
            let hash = sha256(&source);
            let sql = sql!(
                "INSERT INTO procedure_text (tenant, sha256, source) VALUES ($1, $2, $3) \
                 ON CONFLICT (tenant, sha256) DO NOTHING"
            );
            self.count("procedure_text", hash, sql, values![hash, source]).await?;
            let sql = sql!(
                "INSERT INTO procedure_past (tenant, digest, runner, notation, sha256) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (tenant, digest, runner, notation) DO NOTHING"
            );
            self.count("procedure_past", digest, sql, values![digest, runner, notation, hash]).await?;
        }
        Ok(())
    }
}

fn read_place(mut cells: Cells, is_past: bool) -> Result<(Digest, TextPlace), StoreError> {
    let digest = cells.take("digest")?;
    let (runner, notation) = (cells.take("runner")?, cells.take("notation")?);
    Ok((digest, TextPlace { runner, notation, is_past, bytes: cells.take("source")? }))
}
