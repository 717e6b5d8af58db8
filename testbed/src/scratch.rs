//! Folders that live as long as this process.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

const PREFIX: &str = "shopflow-testbed-";
const LOCK: &str = "owner.lock";

/// A folder below the system's temporary one, locked by this process.
///
/// The lock tells a later process that the owner is gone, whatever became of its process id.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    temporary: bool,
    _lock: File,
}

impl Scratch {
    /// Removes what dead owners left, then creates a folder whose name contains `kind`.
    pub fn create(kind: &str) -> anyhow::Result<Self> {
        let root = std::env::temp_dir();
        sweep(&root);
        let path = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{kind}-"))
            .tempdir_in(&root)
            .with_context(|| format!("cannot create a folder in {}", root.display()))?
            .keep();
        // Another thread or process may sweep right now, so the lock gets its name only when it is held.
        let lock = lock(&path, "owner.lock.new")?;
        fs::rename(path.join("owner.lock.new"), path.join(LOCK))
            .with_context(|| format!("cannot write in {}", path.display()))?;
        Ok(Self { path, temporary: true, _lock: lock })
    }

    /// Uses a folder that outlives the process.
    pub(crate) fn adopt(path: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let lock = lock(&path, LOCK)?;
        Ok(Self { path, temporary: false, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn lock(folder: &Path, name: &str) -> anyhow::Result<File> {
    let lock =
        File::create(folder.join(name)).with_context(|| format!("cannot write in {}", folder.display()))?;
    lock.try_lock().with_context(|| format!("{} is in use by another process", folder.display()))?;
    Ok(lock)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.temporary {
            // Usually the watchdog was here first; not when the server had been stopped before.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Ends servers and removes folders whose owner, and whose watchdog, were killed.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if ours && abandoned(&entry.path()) {
            end_server_of(&entry.path());
            // Another process may be sweeping too; whoever is second finds nothing left.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A folder without a lock file is just being made, or just being removed.
fn abandoned(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)).map(|lock| lock.try_lock()) {
        Ok(Ok(())) => true,
        Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) | Err(_) => false,
    }
}

/// Ends the server only if the process of that id still names the folder on its command line.
fn end_server_of(folder: &Path) {
    let Ok(pid) = fs::read_to_string(folder.join("server.pid")) else {
        return;
    };
    let pid = pid.trim();
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let needle = folder.as_os_str().as_encoded_bytes();
    if command_line.windows(needle.len()).any(|part| part == needle) {
        let _ = Command::new("kill").args(["-KILL", pid]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_swept_only_after_its_owner_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(format!("{PREFIX}test"));
        let owned = Scratch::adopt(folder.clone()).unwrap();
        sweep(root.path());
        assert!(folder.exists(), "an owned folder stays");

        drop(owned);
        sweep(root.path());
        assert!(!folder.exists(), "an abandoned one goes");
    }

    #[test]
    fn a_folder_that_is_being_made_is_not_swept() {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let made = Scratch::create("race").unwrap();
                        assert!(made.path().exists(), "somebody swept it");
                    }
                });
            }
        });
    }

    #[test]
    fn one_folder_has_one_owner() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("data");
        let _owner = Scratch::adopt(folder.clone()).unwrap();
        assert!(Scratch::adopt(folder).is_err());
    }

    #[test]
    fn other_folders_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("something-else");
        fs::create_dir(&folder).unwrap();
        sweep(root.path());
        assert!(folder.exists());
    }
}
