//! A fresh SQLite database for each test.

use control_plane_store::{Config, SqliteConfig, migrate};

pub(crate) struct Database {
    folder: tempfile::TempDir,
}

impl Database {
    pub(crate) async fn fresh() -> Self {
        let database = Self { folder: tempfile::tempdir().unwrap() };
        migrate(&database.config()).await.unwrap();
        database
    }

    pub(crate) fn config(&self) -> Config {
        Config::Sqlite(SqliteConfig::at(self.folder.path().join("control-plane.db")))
    }
}
