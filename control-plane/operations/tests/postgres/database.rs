//! A fresh PostgreSQL database for each test, reached as the server reaches it: by the role that owns nothing.

use control_plane_store::Config;

use crate::cluster::{Cluster, cluster};

pub(crate) struct Database {
    cluster: &'static Cluster,
    name: String,
}

impl Database {
    pub(crate) async fn fresh() -> Self {
        let cluster = cluster().await;
        Self { cluster, name: cluster.database(true).await }
    }

    /// Every row of every table, as text; bytes are in hex there.
    pub(crate) async fn dump(&self) -> Dump {
        let admin = self.cluster.admin(&self.name).await;
        let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";
        let mut text = String::new();
        for table in admin.query(tables, &[]).await.unwrap() {
            let rows = format!("SELECT t::text FROM {} t", table.get::<_, &str>(0));
            for row in admin.query(&rows, &[]).await.unwrap() {
                text.push_str(row.get(0));
                text.push('\n');
            }
        }
        Dump(text)
    }

    pub(crate) fn config(&self) -> Config {
        Config::Postgres(self.cluster.config("proctor_app", &self.name))
    }
}

pub(crate) struct Dump(String);

impl Dump {
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let plain = std::str::from_utf8(bytes).is_ok_and(|text| self.0.contains(text));
        plain || self.0.contains(&hex::encode(bytes))
    }

    /// Words that begin so.
    pub(crate) fn words_with(&self, start: &str) -> Vec<String> {
        let end = |rest: &str| rest.find(['"', ')', '\n']).unwrap_or(rest.len());
        self.0.match_indices(start).map(|(at, _)| self.0[at..at + end(&self.0[at..])].to_owned()).collect()
    }
}
