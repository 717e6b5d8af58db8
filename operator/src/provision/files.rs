//! Files that are replaced whole, and only when they differ.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}", path.display())]
pub struct FileError {
    verb: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Writes files and counts them.
#[derive(Debug, Default)]
pub(super) struct Files {
    written: usize,
}

impl Files {
    /// A file that its owner alone may read.
    pub(super) fn secret(&mut self, path: &Path, text: &str) -> Result<(), FileError> {
        self.replace(path, text, 0o600)
    }

    /// A file without secrets.
    pub(super) fn public(&mut self, path: &Path, text: &str) -> Result<(), FileError> {
        self.replace(path, text, 0o644)
    }

    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// A reader sees the old text or the new one, never a part: the new file takes the old one's place by name.
    fn replace(&mut self, path: &Path, text: &str, mode: u32) -> Result<(), FileError> {
        if read(path)?.as_deref() == Some(text) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        create_folder(folder)?;
        write(folder, path, text, mode).map_err(|source| FileError {
            verb: "write",
            path: path.to_owned(),
            source,
        })?;
        self.written += 1;
        Ok(())
    }
}

/// The text of a file, if it is there.
pub(super) fn read(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError { verb: "read", path: path.to_owned(), source }),
    }
}

/// A folder, even if nothing will be in it.
pub(super) fn create_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError { verb: "create", path: path.to_owned(), source })
}

fn write(folder: &Path, path: &Path, text: &str, mode: u32) -> io::Result<()> {
    // Hidden, so that nobody who lists the folder takes it for one of its files.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.new"));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::File::create_new(&beside)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
