//! Records that other brokers lead, on their way to who asked here.

use std::collections::BTreeMap;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tokio::sync::mpsc;
use tonic::Code;

use super::super::Admin;
use super::super::passing::{Asker, Elsewhere};
use super::fetch::Answers;
use crate::ids::BrokerId;

/// Messages that wait for the reader.
const AHEAD: usize = 4;

/// The partitions of a fetch, by who leads them.
#[derive(Default)]
struct Shares {
    here: Vec<v1::FetchPartition>,
    there: BTreeMap<BrokerId, (Elsewhere, Vec<v1::FetchPartition>)>,
}

impl Admin {
    /// Streams what is asked for, from here and from wherever else it is led.
    pub(super) async fn stream_records(
        &self,
        request: v1::FetchRequest,
        asker: Asker,
        answers: Answers,
    ) {
        let Shares { here, there } = self.share_out(&request.partitions, asker);
        if there.is_empty() {
            return self.stream_own(request, answers).await;
        }
        let of = |partitions| v1::FetchRequest { partitions, ..request };
        let (sources, mut gathered) = mpsc::channel(AHEAD);
        if !here.is_empty() {
            let (admin, own, to) = (self.clone(), of(here), sources.clone());
            tokio::spawn(async move { admin.stream_own(own, to).await });
        }
        for (leader, partitions) in there.into_values() {
            tokio::spawn(relay(leader, of(partitions), sources.clone()));
        }
        drop(sources);
        let mut left = (request.record_count_max > 0).then_some(request.record_count_max);
        loop {
            let next = tokio::select! {
                next = gathered.recv() => next,
                () = answers.closed() => None,
            };
            let Some(mut message) = next else { return };
            if let (Some(left), Ok(message)) = (&mut left, &mut message) {
                message.records.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= message.records.len() as u64;
            }
            if answers.send(message).await.is_err() || left == Some(0) {
                return;
            }
        }
    }

    fn share_out(&self, partitions: &[v1::FetchPartition], asker: Asker) -> Shares {
        let mut shares = Shares::default();
        for it in partitions {
            match self.elsewhere(&it.topic, it.partition, asker) {
                None => shares.here.push(it.clone()),
                Some(leader) => {
                    let entry = shares.there.entry(leader.broker);
                    entry.or_insert_with(|| (leader, Vec::new())).1.push(it.clone());
                }
            }
        }
        shares
    }
}

/// Hands on what another broker streams; what it does not finish is told as an error.
async fn relay(leader: Elsewhere, request: v1::FetchRequest, answers: Answers) {
    let mut open: Vec<(String, u32)> =
        request.partitions.iter().map(|it| (it.topic.clone(), it.partition)).collect();
    let wanted = request.record_count_max;
    let mut told = 0;
    let failure = match leader.fetch(request).await {
        Err(error) => error,
        Ok(mut stream) => loop {
            let next = tokio::select! {
                next = stream.message() => next,
                () = answers.closed() => return,
            };
            match next {
                Ok(Some(message)) => {
                    let over = |at: &(String, u32)| {
                        let is_it = |topic: &str, index| at.0 == topic && at.1 == index;
                        let name = format!("{}/{}", at.0, at.1);
                        let finished =
                            |it: &v1::FetchProgress| it.finished && is_it(&it.topic, it.partition);
                        message.progress.iter().any(finished)
                            || message.errors.iter().any(|it| it.item == name)
                    };
                    open.retain(|it| !over(it));
                    told += message.records.len() as u64;
                    if answers.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
                // It has told as many records as were asked for, or all that there are.
                Ok(None) if open.is_empty() || (wanted > 0 && told >= wanted) => return,
                Ok(None) => break stopped(&leader),
                Err(status) => break leader.silent(&status),
            }
        },
    };
    let tell =
        |(topic, index): (String, u32)| failure.clone().into_item(format!("{topic}/{index}"));
    let errors = open.into_iter().map(tell).collect();
    // Nobody reads any more if it does not arrive.
    let _ = answers.send(Ok(v1::FetchResponse { errors, ..Default::default() })).await;
}

fn stopped(leader: &Elsewhere) -> AdminError {
    let message = format!("broker {}, which led it, ended the stream", leader.broker);
    AdminError::new(Code::Unavailable, "kafka.LEADER_NOT_AVAILABLE", message).retriable()
}
