//! What stands behind a local socket: connect, read to the end.

use std::path::Path;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;

/// All that it says, if that is at most so many bytes.
pub async fn read_to_end(path: &Path, most: usize, deadline: Mono, clock: &Clock) -> Result<Vec<u8>, NetError> {
    let failed = |e: std::io::Error| NetError::io(path.display(), &e);
    let work = async {
        let stream = UnixStream::connect(path).await.map_err(failed)?;
        let mut said = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        stream.take(limit).read_to_end(&mut said).await.map_err(failed)?;
        if said.len() > most {
            let what = format!("{}: it says more than {most} bytes", path.display());
            return Err(NetError::new(Cause::Content, what));
        }
        Ok(said)
    };
    clock.until(deadline, work).await.unwrap_or_else(|| Err(NetError::timeout(path.display())))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    /// Says something to whoever comes first.
    pub(crate) fn says(path: &std::path::Path, what: Vec<u8>) {
        let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        std::thread::spawn(move || {
            // Who does not listen to the end is tested, too.
            let _ = listener.accept().map(|(mut stream, _)| stream.write_all(&what));
        });
    }
}
