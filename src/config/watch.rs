//! Tells when something under the definition directories changed.
//!
//! Editors and deployment tools replace a file by renaming another one over it, and directories may come later than
//! the program, so it is directories that are watched: each path itself if it is one, else the nearest directory above
//! that exists. Events of a burst make one signal, 300 ms after the last. Reading is up to the listener.

use std::path::{Path, PathBuf};
use std::sync::mpsc as blocking;
use std::thread;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Quiet time after the last event: an editor's save is over by then, and a person does not notice.
const DEBOUNCE: Duration = Duration::from_millis(300);
/// A burst that does not end is told after so many times that (6 s) anyway.
const MAX_DEFER: u32 = 20;

/// A running watch; dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    changed: mpsc::Receiver<()>,
}

impl Watch {
    /// Waits for the next change, already debounced. `None` when the watcher died.
    pub async fn changed(&mut self) -> Option<()> {
        self.changed.recv().await
    }
}

/// Watches files and directories, those that do not exist yet included.
pub fn watch(paths: &[PathBuf]) -> Result<Watch, String> {
    let (events, incoming) = blocking::channel();
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let _ = events.send(event); // the thread below has ended: nobody listens any more
    })
    .map_err(|e| format!("cannot watch files ({e}); definitions are then read at the start only"))?;
    let mut watching = Watching { watcher, paths: paths.iter().map(|p| absolute(p)).collect(), on: Vec::new() };
    watching.place();
    let (tell, changed) = mpsc::channel(1);
    // notify calls back on its own thread; this one debounces, so that no runtime is needed.
    let spawned =
        thread::Builder::new().name("fengsui-watch".to_owned()).spawn(move || watching.run(&incoming, &tell));
    spawned.map_err(|e| format!("cannot start the watching thread: {e}"))?;
    Ok(Watch { changed })
}

/// Events carry absolute paths.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.canonicalize().unwrap_or(path)
}

struct Watching {
    watcher: RecommendedWatcher,
    paths: Vec<PathBuf>,
    /// Directories being watched.
    on: Vec<(PathBuf, RecursiveMode)>,
}

impl Watching {
    /// Puts watches where they belong now; called again after every burst, because directories come and go.
    fn place(&mut self) {
        let wanted: Vec<(PathBuf, RecursiveMode)> = self.paths.iter().filter_map(|p| place_of(p)).collect();
        for (directory, _) in self.on.iter().filter(|w| !wanted.contains(w)) {
            let _ = self.watcher.unwatch(directory); // gone with its directory
        }
        let mut on = Vec::new();
        for (directory, mode) in wanted {
            // Watching again is harmless and mends a watch whose directory was replaced.
            match self.watcher.watch(&directory, mode) {
                Ok(()) => on.push((directory, mode)),
                Err(error) => {
                    tracing::warn!(directory = %directory.display(), %error, "cannot watch; changes there are not noticed")
                }
            }
        }
        self.on = on;
    }

    /// Whether an event is about one of the paths, or about a directory on the way to one.
    fn concerns(&self, event: &Event) -> bool {
        if matches!(event.kind, EventKind::Access(_)) {
            return false;
        }
        event.need_rescan()
            || event.paths.iter().any(|at| self.paths.iter().any(|path| at.starts_with(path) || path.starts_with(at)))
    }

    fn run(mut self, incoming: &blocking::Receiver<notify::Result<Event>>, tell: &mpsc::Sender<()>) {
        let (_silent, never) = blocking::channel::<()>();
        loop {
            match incoming.recv_timeout(Duration::from_secs(1)) {
                Ok(Ok(event)) if self.concerns(&event) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the file watcher reports an error; reading everything again")
                }
                Ok(Ok(_)) | Err(blocking::RecvTimeoutError::Timeout) => {
                    if tell.is_closed() {
                        return;
                    }
                    continue;
                }
                Err(blocking::RecvTimeoutError::Disconnected) => return,
            }
            for _ in 0..MAX_DEFER {
                // Nobody sends here: a wait that needs no clock.
                let _ = never.recv_timeout(DEBOUNCE);
                if incoming.try_iter().count() == 0 {
                    break;
                }
            }
            self.place();
            // A full channel means a change is waiting already; the listener reads everything then.
            if let Err(mpsc::error::TrySendError::Closed(())) = tell.try_send(()) {
                return;
            }
        }
    }
}

/// The directory to watch for a path.
fn place_of(path: &Path) -> Option<(PathBuf, RecursiveMode)> {
    if path.is_dir() {
        return Some((path.to_owned(), RecursiveMode::Recursive));
    }
    let above = path.ancestors().skip(1).find(|p| p.is_dir())?;
    Some((above.to_owned(), RecursiveMode::NonRecursive))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    async fn told(watch: &mut Watch) {
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.expect("a change within 10 s").unwrap();
    }

    #[tokio::test]
    async fn a_file_replaced_by_renaming_is_noticed_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("console.toml");
        fs::write(&file, "a = 1").unwrap();
        let mut watch = watch(std::slice::from_ref(&file)).unwrap();
        for round in 0..3 {
            let beside = dir.path().join("console.toml.new");
            fs::write(&beside, format!("a = {round}")).unwrap();
            fs::rename(&beside, &file).unwrap();
            told(&mut watch).await;
        }
    }

    #[tokio::test]
    async fn a_directory_that_comes_later_is_noticed_and_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let later = dir.path().join("etc").join("probes");
        let mut watch = watch(std::slice::from_ref(&later)).unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        told(&mut watch).await;
        fs::create_dir(&later).unwrap();
        told(&mut watch).await;
        fs::write(later.join("own.toml"), "x").unwrap();
        told(&mut watch).await;
        fs::remove_dir_all(dir.path().join("etc")).unwrap();
        told(&mut watch).await;
    }

    #[tokio::test]
    async fn a_burst_is_one_change() {
        let dir = tempfile::tempdir().unwrap();
        let mut watch = watch(&[dir.path().to_owned()]).unwrap();
        for n in 0..50 {
            fs::write(dir.path().join(format!("{n}.toml")), "x").unwrap();
        }
        told(&mut watch).await;
        let more = tokio::time::timeout(Duration::from_millis(700), watch.changed()).await;
        assert!(more.is_err(), "one burst, one change");
    }
}
