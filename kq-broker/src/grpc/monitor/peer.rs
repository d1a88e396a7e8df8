//! The counters of one other broker, for as long as they are wanted.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::monitor::v1::SampleRequest;
use kq_proto::monitor::v1::monitor_client::MonitorClient;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request, Status};

use super::demand::turns;
use super::hub::Hub;
use super::merged::SILENT_AFTER;
use crate::ids::BrokerId;

/// All partitions of a large broker still fit.
const SAMPLE_BYTES_MAX: usize = 64 << 20;
/// Before a broker is asked again that fell silent: at first, and at last.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The same of one whose version tells no counters: another one may be started.
const PAUSE_OLD: Duration = Duration::from_secs(30);

/// Why a stream ended.
enum Ended {
    /// More is wanted than it tells, or less.
    Turned,
    /// It tells nothing any more.
    Silent { why: String, is_old: bool },
}

/// Asks a broker again and again until it is not to be asked any more.
pub(super) async fn follow(hub: Arc<Hub>, broker: BrokerId, ends: CancellationToken) {
    let mut pause = PAUSE_MIN;
    loop {
        let mut told = false;
        let ended = tokio::select! {
            () = ends.cancelled() => return,
            ended = listen(&hub, broker, &mut told) => ended,
        };
        let Ended::Silent { why, is_old } = ended else { continue };
        tracing::debug!(%broker, why, "a broker tells no counters");
        hub.fails(broker, why);
        if told {
            pause = PAUSE_MIN;
        }
        let wait = if is_old { PAUSE_OLD } else { pause };
        tokio::select! {
            () = ends.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Takes in what it tells until it tells nothing for too long.
async fn listen(hub: &Hub, broker: BrokerId, told: &mut bool) -> Ended {
    let mut wide = hub.wide();
    let partitions = *wide.borrow_and_update() > 0;
    let Some(channel) = hub.channel(broker) else { return silent("no address of it is known") };
    let mut client = MonitorClient::new(channel)
        .max_decoding_message_size(SAMPLE_BYTES_MAX)
        .accept_compressed(CompressionEncoding::Gzip);
    let asked = client.sample(Request::new(SampleRequest { partitions }));
    let mut samples = match tokio::time::timeout(SILENT_AFTER, asked).await {
        Ok(Ok(samples)) => samples.into_inner(),
        Ok(Err(status)) => return refused(&status),
        Err(_) => return silent("it does not answer"),
    };
    let mut is_first = true;
    loop {
        let sample = tokio::select! {
            sample = tokio::time::timeout(SILENT_AFTER, samples.message()) => sample,
            () = turns(&mut wide, partitions) => return Ended::Turned,
        };
        match sample {
            Ok(Ok(Some(sample))) => hub.take(broker, is_first, sample),
            Ok(Ok(None)) => return silent("it stops"),
            Ok(Err(status)) => return refused(&status),
            Err(_) => return silent("it has told nothing for 2 s"),
        }
        (is_first, *told) = (false, true);
    }
}

fn silent(why: &str) -> Ended {
    Ended::Silent { why: why.to_owned(), is_old: false }
}

fn refused(status: &Status) -> Ended {
    if status.code() == Code::Unimplemented {
        let why = "its version tells no counters".to_owned();
        return Ended::Silent { why, is_old: true };
    }
    let why = if status.code() == Code::Unavailable {
        "it cannot be reached".to_owned()
    } else {
        format!("it refuses: {}", status.message())
    };
    Ended::Silent { why, is_old: false }
}
