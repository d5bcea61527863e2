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

    pub(crate) fn config(&self) -> Config {
        Config::Postgres(self.cluster.config("proctor_app", &self.name))
    }
}
