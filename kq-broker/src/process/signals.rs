//! SIGTERM and SIGINT: the first ends the broker cleanly, the second at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The exit status after a second signal: that of a process that SIGTERM has killed.
const KILLED: i32 = 128 + 15;

/// Waits for the first signal.
#[derive(Debug)]
pub(super) struct Stop(oneshot::Receiver<()>);

/// Listens from now on.
pub(super) fn listen() -> io::Result<Stop> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let (first, stop) = oneshot::channel();
    tokio::spawn(async move {
        next(&mut term, &mut int).await;
        // The receiver is gone only when the broker is stopping already.
        let _ = first.send(());
        next(&mut term, &mut int).await;
        tracing::warn!("second signal: ending at once");
        end_now();
    });
    Ok(Stop(stop))
}

async fn next(term: &mut tokio::signal::unix::Signal, int: &mut tokio::signal::unix::Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

#[expect(clippy::exit, reason = "the operator asked twice: nothing more is waited for")]
fn end_now() {
    std::process::exit(KILLED)
}

impl Stop {
    /// Resolves at the first signal.
    pub(super) async fn first(self) {
        let _ = self.0.await;
    }
}
