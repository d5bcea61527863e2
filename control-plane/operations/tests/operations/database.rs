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

    /// The file with what is not yet in it.
    pub(crate) async fn dump(&self) -> Dump {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        Dump(bytes)
    }

    pub(crate) fn config(&self) -> Config {
        Config::Sqlite(SqliteConfig::at(self.folder.path().join("control-plane.db")))
    }
}

pub(crate) struct Dump(Vec<u8>);

impl Dump {
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        self.0.windows(bytes.len()).any(|window| window == bytes)
    }

    /// Words that begin so.
    pub(crate) fn words_with(&self, start: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0);
        let end = |rest: &str| rest.find(|c: char| !c.is_ascii_graphic()).unwrap_or(rest.len());
        text.match_indices(start).map(|(at, _)| text[at..at + end(&text[at..])].to_owned()).collect()
    }
}
