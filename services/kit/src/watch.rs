//! Files that change while the process runs: mounted ConfigMaps and Secrets.
//!
//! Kubernetes replaces such a directory by swapping its `..data` link, so a watch on the file itself
//! goes blind. Here any event in the file's directory is just a hint to read the file again, and the
//! file is read every second anyway: a lost hint delays, it never loses a change.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;

/// How often a file is read when no hint comes.
const POLL: Duration = Duration::from_secs(1);
/// Several events of one change are read together.
const SETTLE: Duration = Duration::from_millis(20);

/// A file that is being followed; dropping it stops that.
#[derive(Debug)]
#[must_use = "dropping it stops following the file"]
pub struct Following {
    _task: AbortOnDropHandle<()>,
}

/// Calls `apply` with the file's content: before returning when the file exists, and then after each
/// change, within 2 s. A file that goes away is not a change. Needs a Tokio runtime.
pub fn follow(path: &Path, mut apply: impl FnMut(&[u8]) + Send + 'static) -> Following {
    let path = path.to_owned();
    // Hints are subscribed to before the first read, so no change falls in between.
    let mut hints = Hints::of(&path);
    let mut last = std::fs::read(&path).ok();
    if let Some(content) = &last {
        apply(content);
    } else {
        tracing::warn!(path = %path.display(), "file is not there yet");
    }
    let task = tokio::spawn(async move {
        loop {
            hints.next().await;
            match tokio::fs::read(&path).await {
                Ok(content) if last.as_ref() != Some(&content) => {
                    apply(&content);
                    last = Some(content);
                }
                _ => {}
            }
        }
    });
    Following { _task: AbortOnDropHandle::new(task) }
}

/// Hints that something in the file's directory changed.
struct Hints {
    events: Option<broadcast::Receiver<()>>,
}

impl Hints {
    fn of(path: &Path) -> Self {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self { events: directory.and_then(|directory| hub()?.subscribe(directory)) }
    }

    /// Returns after a hint, or after [`POLL`].
    async fn next(&mut self) {
        let Some(events) = &mut self.events else {
            return tokio::time::sleep(POLL).await;
        };
        if matches!(
            tokio::time::timeout(POLL, events.recv()).await,
            Ok(Err(broadcast::error::RecvError::Closed))
        ) {
            self.events = None;
        } else {
            tokio::time::sleep(SETTLE).await;
            *events = events.resubscribe();
        }
    }
}

/// One watcher, hence one thread, for the whole process.
struct Hub {
    watcher: Mutex<(RecommendedWatcher, HashSet<PathBuf>)>,
    events: broadcast::Sender<()>,
}

fn hub() -> Option<&'static Hub> {
    static HUB: OnceLock<Option<Hub>> = OnceLock::new();
    HUB.get_or_init(Hub::new).as_ref()
}

impl Hub {
    fn new() -> Option<Self> {
        let events = broadcast::Sender::new(16);
        let sender = events.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading a file is an event too, and would wake the reader for ever.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = sender.send(());
            }
        });
        match watcher {
            Ok(watcher) => Some(Self { watcher: Mutex::new((watcher, HashSet::new())), events }),
            Err(error) => {
                tracing::warn!(%error, "no file notifications here, files are polled");
                None
            }
        }
    }

    fn subscribe(&self, directory: &Path) -> Option<broadcast::Receiver<()>> {
        let mut guard = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let (watcher, directories) = &mut *guard;
        if !directories.contains(directory) {
            if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
                tracing::debug!(path = %directory.display(), %error, "directory is polled");
                return None;
            }
            directories.insert(directory.to_owned());
        }
        Some(self.events.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    async fn next(contents: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Vec<u8> {
        tokio::time::timeout(Duration::from_secs(5), contents.recv()).await.unwrap().unwrap()
    }

    fn collect(path: &Path) -> (Following, mpsc::UnboundedReceiver<Vec<u8>>) {
        let (sender, contents) = mpsc::unbounded_channel();
        let following = follow(path, move |content| sender.send(content.to_vec()).unwrap());
        (following, contents)
    }

    #[tokio::test]
    async fn a_swapped_data_link_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for (version, text) in [("..1", "one"), ("..2", "two")] {
            std::fs::create_dir(root.join(version)).unwrap();
            std::fs::write(root.join(version).join("url"), text).unwrap();
        }
        std::os::unix::fs::symlink("..1", root.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/url", root.join("url")).unwrap();
        let (_following, mut contents) = collect(&root.join("url"));
        assert_eq!(next(&mut contents).await, b"one");

        std::os::unix::fs::symlink("..2", root.join("..data_tmp")).unwrap();
        std::fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        assert_eq!(next(&mut contents).await, b"two");
    }

    #[tokio::test]
    async fn a_file_that_appears_later_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("later");
        let (_following, mut contents) = collect(&path);
        std::fs::write(&path, "here").unwrap();
        assert_eq!(next(&mut contents).await, b"here");
    }

    #[tokio::test]
    async fn a_file_that_goes_away_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "first").unwrap();
        let (_following, mut contents) = collect(&path);
        assert_eq!(next(&mut contents).await, b"first");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "second").unwrap();
        // The write is not atomic, so an empty file may be seen in between.
        let mut content = next(&mut contents).await;
        if content.is_empty() {
            content = next(&mut contents).await;
        }
        assert_eq!(content, b"second");
    }
}
