//! A store of journals in a folder on disk.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use quarrel_shared::journal::block::MAX_JOURNAL_BYTES;

use super::{
    name::JournalName,
    store::{JournalFile, JournalStore, StoredJournal},
};

/// A store that keeps each journal as a file in one folder.
#[derive(Clone, Debug)]
pub struct FolderStore(PathBuf);

/// The subfolder of journals that can never restore their rooms.
const SET_ASIDE: &str = "set-aside";

impl FolderStore {
    /// Opens the folder, and creates it when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self(path.to_owned()))
    }

    /// Returns the path of a journal.
    fn path(&self, name: JournalName) -> PathBuf {
        self.0.join(name.to_string())
    }

    /// Returns the path of a journal that was set aside.
    fn path_aside(&self, name: JournalName) -> PathBuf {
        self.0.join(SET_ASIDE).join(name.to_string())
    }

    /// Returns the path of the file with the reason for which a journal was set aside.
    fn path_of_reason(&self, name: JournalName) -> PathBuf {
        self.0.join(SET_ASIDE).join(format!("{name}.reason"))
    }
}

/// Lists the journals in one folder, ordered by name. Ignores other files.
fn list(folder: &Path, is_aside: bool) -> io::Result<Vec<StoredJournal>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A file that was deleted meanwhile is skipped.
        let Ok(metadata) = entry.metadata() else { continue };
        all.push(StoredJournal { name, bytes: metadata.len(), modified: metadata.modified().ok(), is_aside });
    }
    all.sort_unstable_by_key(|journal| journal.name);
    Ok(all)
}

impl JournalStore for FolderStore {
    fn create(&self, name: JournalName) -> io::Result<Box<dyn JournalFile>> {
        // Only the owner may read a journal, as all files of the data directory, because it contains players' names and actions.
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true).mode(0o600);
        let file = options.open(self.path(name))?;
        Ok(Box::new(FolderFile { file, unsynced_folder: Some(self.0.clone()) }))
    }

    fn reopen(&self, name: JournalName, bytes: u64) -> io::Result<Box<dyn JournalFile>> {
        let file = OpenOptions::new().write(true).open(self.path(name))?;
        // The process that created the file may have ended before it flushed the folder.
        let mut file = FolderFile { file, unsynced_folder: Some(self.0.clone()) };
        file.cut(bytes)?;
        Ok(Box::new(file))
    }

    fn list(&self) -> io::Result<Vec<StoredJournal>> {
        list(&self.0, false)
    }

    fn read(&self, name: JournalName) -> io::Result<Vec<u8>> {
        let file = File::open(self.path(name))?;
        if file.metadata()?.len() > MAX_JOURNAL_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 4 GiB"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_JOURNAL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_tail(&self, name: JournalName, max_bytes: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(name))?;
        let bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(bytes.saturating_sub(max_bytes as u64)))?;
        let mut tail = Vec::new();
        file.take(max_bytes as u64).read_to_end(&mut tail)?;
        Ok(tail)
    }

    fn remove(&self, name: JournalName) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn set_aside(&self, name: JournalName, reason: &str) -> io::Result<()> {
        fs::create_dir_all(self.0.join(SET_ASIDE))?;
        // As private as the journal, because the reason may quote it.
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true).mode(0o600);
        writeln!(options.open(self.path_of_reason(name))?, "{reason}")?;
        fs::rename(self.path(name), self.path_aside(name))
    }

    fn list_aside(&self) -> io::Result<Vec<StoredJournal>> {
        let aside = self.0.join(SET_ASIDE);
        if !aside.exists() {
            return Ok(Vec::new());
        }
        let mut all = list(&aside, true)?;
        for journal in &mut all {
            // The age of a journal that was set aside counts from then, which is when its reason was written. Its last write may be older.
            if let Ok(metadata) = fs::metadata(self.path_of_reason(journal.name)) {
                journal.modified = metadata.modified().ok();
            }
        }
        Ok(all)
    }

    fn remove_aside(&self, name: JournalName) -> io::Result<()> {
        fs::remove_file(self.path_aside(name))?;
        fs::remove_file(self.path_of_reason(name))
    }
}

/// The open file of a journal in a folder.
struct FolderFile {
    file: File,
    /// The folder, until its entry of the file is flushed: without the entry, a power loss loses the file.
    unsynced_folder: Option<PathBuf>,
}

impl JournalFile for FolderFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)?;
        self.file.seek(SeekFrom::Start(bytes)).map(|_| ())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if let Some(folder) = &self.unsynced_folder {
            File::open(folder)?.sync_all()?;
            self.unsynced_folder = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NAME: JournalName = JournalName { run: 1, room: 2 };

    #[test]
    fn a_journal_is_written_cut_reopened_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(&folder.path().join("journals")).unwrap();
        let mut file = store.create(NAME).unwrap();
        file.append(b"one two").unwrap();
        file.cut(4).unwrap();
        file.append(b"three").unwrap();
        drop(file);
        assert_eq!(store.read(NAME).unwrap(), b"one three");
        let mut file = store.reopen(NAME, 3).unwrap();
        file.append(b"!").unwrap();
        assert_eq!(store.read(NAME).unwrap(), b"one!");
        assert_eq!(store.read_tail(NAME, 3).unwrap(), b"ne!");
        assert_eq!(store.read_tail(NAME, 99).unwrap(), b"one!");
        let listed: Vec<_> =
            store.list().unwrap().iter().map(|journal| (journal.name, journal.bytes)).collect();
        assert_eq!(listed, [(NAME, 4)]);
    }

    #[test]
    fn a_file_larger_than_any_journal_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        store.create(NAME).unwrap();
        // The file is sparse: its contents take no space on the disk, but would in memory.
        let file = OpenOptions::new().write(true).open(store.path(NAME)).unwrap();
        file.set_len(MAX_JOURNAL_BYTES + 1).unwrap();
        let error = store.read(NAME).unwrap_err();
        assert!(error.to_string().contains("larger than 4 GiB"), "{error}");
        assert_eq!(store.read_tail(NAME, 3).unwrap(), [0; 3], "its tail is still readable");
    }

    #[test]
    fn an_unusable_journal_is_set_aside_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        store.create(NAME).unwrap();
        fs::write(folder.path().join("notes.txt"), "not a journal").unwrap();
        store.set_aside(NAME, "the journal is damaged").unwrap();
        assert_eq!(store.list().unwrap(), [], "a journal that was set aside is not listed");
        let reason = folder.path().join("set-aside").join(format!("{NAME}.reason"));
        assert_eq!(fs::read_to_string(&reason).unwrap(), "the journal is damaged\n");
        assert_eq!(fs::metadata(reason).unwrap().permissions().mode() & 0o777, 0o600);
        let aside = store.list_aside().unwrap();
        assert_eq!(
            aside.iter().map(|journal| (journal.name, journal.is_aside)).collect::<Vec<_>>(),
            [(NAME, true)]
        );
        store.remove_aside(NAME).unwrap();
        assert_eq!(store.list_aside().unwrap(), []);
        assert_eq!(
            fs::read_dir(folder.path().join("set-aside")).unwrap().count(),
            0,
            "the reason is deleted with its journal"
        );
    }
}
