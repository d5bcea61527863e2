//! Which controls a tenant answers for, framework by framework.

use std::collections::BTreeMap;

use control_plane_domain::scope::{ScopeLine, ScopedControl};
use proof::text::Name;

use crate::StoreError;
use crate::sql::{Sql, sql};
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

const CONTROLS: Sql =
    sql!("SELECT framework, control, title FROM coverage_scope WHERE tenant = $1 AND framework = $2 ORDER BY place");

impl Reads {
    /// The frameworks that have a scope, by name; at most `limit`.
    pub async fn scopes(&self, limit: u32) -> Result<Vec<ScopeLine>, StoreError> {
        let sql = sql!(
            "SELECT framework, controls, sha256, changed, person FROM coverage_framework WHERE tenant = $1 \
             ORDER BY framework LIMIT $2"
        );
        self.all("coverage_framework", sql, values![limit], read_line).await
    }

    /// The scope of a framework, in one line.
    pub async fn scope_line(&self, framework: &Name) -> Result<Option<ScopeLine>, StoreError> {
        let sql = sql!(
            "SELECT framework, controls, sha256, changed, person FROM coverage_framework \
             WHERE tenant = $1 AND framework = $2"
        );
        self.one("coverage_framework", sql, values![framework], read_line).await
    }

    /// The controls in scope of these frameworks, each in the order in which they were given.
    pub async fn scoped_controls(&self, frameworks: &[Name]) -> Result<BTreeMap<Name, Vec<ScopedControl>>, StoreError> {
        let each = frameworks.iter().map(|framework| values![framework]).collect();
        let mut found: BTreeMap<Name, Vec<ScopedControl>> = BTreeMap::new();
        for (framework, control) in self.all_of_each("coverage_scope", CONTROLS, each, read_control).await? {
            found.entry(framework).or_default().push(control);
        }
        Ok(found)
    }
}

impl Writes {
    /// Sets the scope of a framework in place of the one before.
    pub async fn set_scope(&self, line: &ScopeLine, controls: &[ScopedControl]) -> Result<(), StoreError> {
        let ScopeLine { framework, controls: count, sha256, set, by } = line;
        self.delete_scoped(framework).await?;
        let head = sql!(
            "INSERT INTO coverage_framework (tenant, framework, controls, sha256, changed, person) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, framework) DO UPDATE SET controls = excluded.controls, \
             sha256 = excluded.sha256, changed = excluded.changed, person = excluded.person"
        );
        let each =
            sql!("INSERT INTO coverage_scope (tenant, framework, place, control, title) VALUES ($1, $2, $3, $4, $5)");
        let rows = controls.iter().zip(0_u64..);
        let rows = rows.map(|(control, place)| values![framework, place, control.control, control.title]).collect();
        let steps = vec![(head, vec![values![framework, count, sha256, set, by]]), (each, rows)];
        self.steps("coverage_framework", framework, steps).await
    }

    /// Takes the scope of a framework away; whether there was one.
    pub async fn remove_scope(&self, framework: &Name) -> Result<bool, StoreError> {
        self.delete_scoped(framework).await?;
        let sql = sql!("DELETE FROM coverage_framework WHERE tenant = $1 AND framework = $2");
        Ok(self.count("coverage_framework", framework, sql, values![framework]).await? == 1)
    }

    async fn delete_scoped(&self, framework: &Name) -> Result<(), StoreError> {
        let sql = sql!("DELETE FROM coverage_scope WHERE tenant = $1 AND framework = $2");
        self.count("coverage_scope", framework, sql, values![framework]).await.map(drop)
    }
}

fn read_line(mut cells: Cells) -> Result<ScopeLine, StoreError> {
    Ok(ScopeLine {
        framework: cells.take("framework")?,
        controls: cells.take("controls")?,
        sha256: cells.take("sha256")?,
        set: cells.take("changed")?,
        by: cells.take("person")?,
    })
}

fn read_control(mut cells: Cells) -> Result<(Name, ScopedControl), StoreError> {
    let framework = cells.take("framework")?;
    Ok((framework, ScopedControl { control: cells.take("control")?, title: cells.take("title")? }))
}
