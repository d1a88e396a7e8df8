//! Changing the user's configuration file: one key at a time, comments kept, written whole or not at
//! all.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use kq_proto::client::settings::unreadable;
use toml_edit::{DocumentMut, Item, Table, value};

use super::Context;
use crate::exit::Failure;

/// The file, open for changes.
pub(crate) struct Edit {
    path: PathBuf,
    document: DocumentMut,
}

impl Edit {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::file("read", path, &error)),
        };
        let document = text.parse().map_err(|error| Failure::from(unreadable(path, &error)))?;
        Ok(Self { path: path.to_owned(), document })
    }

    pub(crate) fn set_current(&mut self, name: Option<&str>) {
        match name {
            Some(name) => {
                self.document.insert("current", value(name));
            }
            None => {
                self.document.remove("current");
            }
        }
    }

    pub(crate) fn set_context(&mut self, name: &str, context: &Context) {
        let table = self.context(name);
        table.insert("brokers", value(context.brokers.iter().collect::<toml_edit::Array>()));
        if let Some(id) = &context.cluster_id {
            table.insert("cluster_id", value(id));
        }
        for (key, flag) in [("read_only", context.read_only), ("protected", context.protected)] {
            if flag {
                table.insert(key, value(true));
            } else {
                table.remove(key);
            }
        }
    }

    pub(crate) fn pin(&mut self, name: &str, cluster_id: &str) {
        self.context(name).insert("cluster_id", value(cluster_id));
    }

    /// Whether there was one.
    pub(crate) fn remove_context(&mut self, name: &str) -> Option<Item> {
        self.document.get_mut("contexts")?.as_table_mut()?.remove(name)
    }

    pub(crate) fn rename_context(&mut self, old: &str, new: &str) {
        if let Some(item) = self.remove_context(old) {
            self.contexts().insert(new, item);
        }
    }

    fn contexts(&mut self) -> &mut Table {
        let item = self.document.entry("contexts").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        if !item.is_table() {
            *item = Item::Table(Table::new());
        }
        item.as_table_mut().expect("it was just made a table")
    }

    fn context(&mut self, name: &str) -> &mut Table {
        let item = self.contexts().entry(name).or_insert_with(|| Item::Table(Table::new()));
        if !item.is_table() {
            *item = Item::Table(Table::new());
        }
        item.as_table_mut().expect("it was just made a table")
    }

    /// Replaces the file in one step, readable by its owner alone.
    pub(crate) fn save(self) -> Result<(), Failure> {
        use std::os::unix::fs::OpenOptionsExt as _;
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir).map_err(|error| Failure::file("make", dir, &error))?;
        }
        // Beside the target of a link, so that a link to a dotfiles folder stays one.
        let path = fs::canonicalize(&self.path).unwrap_or(self.path);
        let temporary = path.with_extension(format!("toml.{}", std::process::id()));
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(self.document.to_string().as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|error| {
            // What is left of an attempt helps nobody.
            let _ = fs::remove_file(&temporary);
            Failure::file("write", &path, &error)
        })
    }
}
