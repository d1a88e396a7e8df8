//! The same regions by sendfile and by copying, to readers that take their time.

use std::future::poll_fn;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};

use super::rig::{Rig, batch};
use crate::ids::{PartitionId, PartitionIndex, TopicId};
use crate::kafka::outbound::{Outbound, Part};
use crate::kafka::region::{Region, copy, copy_cached, is_cached, stretch, warm};
use crate::kafka::transport::{Copying, Socket, Transport};
use crate::runtime::{Isolation, Offset, ReadFrom};

/// A broker, and the regions of a partition with small and large batches.
async fn regions() -> (Rig, Vec<Region>) {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let topic = client.create_topic("orders", 1, &[("segment.bytes", "1048576")]).await;
    for size in [10, 100_000, 900_000, 3, 900_000, 40_000] {
        client.produce(&topic, -1, batch(&[&vec![7; size]])).await;
    }
    let id = PartitionId { topic: TopicId(topic.id), index: PartitionIndex(0) };
    let partition = rig.broker.node().partition(id).unwrap();
    let from = ReadFrom {
        offset: Offset(0),
        leader_epoch: None,
        last_fetched_epoch: None,
        isolation: Isolation::ReadUncommitted,
        bytes_max: 10 << 20,
        at_least_one: true,
    };
    let mut regions = Vec::new();
    for offset in [0, 2, 3, 4] {
        let from = ReadFrom { offset: Offset(offset), ..from };
        regions.extend(partition.read(from).unwrap().plan.regions);
    }
    (rig, regions)
}

fn queue(regions: &[Region]) -> (Outbound, Vec<u8>) {
    let (mut out, mut want) = (Outbound::default(), Vec::new());
    for region in regions {
        let header = Bytes::from_static(b"header");
        want.extend_from_slice(&header);
        want.extend_from_slice(&copy(region, region.len).unwrap());
        out.push(Part::Bytes(header));
        out.push(Part::Region(region.clone()));
    }
    out.push(Part::Bytes(Bytes::new()));
    out.push(Part::Bytes(Bytes::from_static(b"end")));
    want.extend_from_slice(b"end");
    (out, want)
}

async fn check(regions: &[Region], mut to: impl Transport, mut from: impl AsyncRead + Unpin) {
    let (mut out, want) = queue(regions);
    let sender = async {
        poll_fn(|cx| out.poll_flush(cx, &mut to)).await.unwrap();
        assert!(out.is_empty());
        assert_eq!(out.held_bytes(), 0, "all that was held is accounted for");
    };
    let receiver = async {
        let mut got = Vec::new();
        let mut piece = vec![0; 10_007];
        while got.len() < want.len() {
            let read = from.read(&mut piece).await.unwrap();
            assert!(read > 0, "the stream ends too early");
            got.extend_from_slice(&piece[..read]);
        }
        assert!(got == want, "{} bytes sent, {} received", want.len(), got.len());
    };
    tokio::join!(sender, receiver);
}

#[tokio::test(flavor = "multi_thread")]
async fn sendfile_sends_every_byte_in_its_place() {
    let (_rig, regions) = regions().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (from, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let mut to = accepted.unwrap().0;
    check(&regions, Socket::new(&mut to), from.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_descriptor_gets_the_same_bytes() {
    let (_rig, regions) = regions().await;
    let (to, from) = tokio::io::duplex(5000);
    check(&regions, Copying(to), from).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_regions_are_told_from_cold_ones() {
    let (_rig, regions) = regions().await;
    for region in &regions {
        let next = stretch(region);
        warm(&next).unwrap();
        assert!(is_cached(&next));
        assert_eq!(copy_cached(region).unwrap(), Some(copy(region, region.len).unwrap()));
    }
    let beyond = Region { position: 1 << 40, ..regions[0].clone() };
    assert_eq!(copy_cached(&beyond).unwrap(), None);
    assert!(copy(&beyond, 10).is_err(), "a region that is cut off is never made up");
}
