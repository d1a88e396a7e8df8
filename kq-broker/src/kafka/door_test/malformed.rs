//! Bytes that are no requests: the connection may go, the broker stays.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use kq_proto::kafka::ErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rig::Rig;
use crate::kafka::dispatch::APIS;

/// Sends bytes, ends the sending side, and reads until the broker closes too.
async fn throw(rig: &Rig, bytes: &[u8]) -> usize {
    let mut stream = TcpStream::connect(rig.broker.address()).await.unwrap();
    // The broker may close while these are still on their way.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer));
    let _ = read.await.expect("the broker closes the connection");
    answer.len()
}

fn request(key: i16, version: i16, body: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    frame.put_u32(u32::try_from(body.len() + 11).unwrap());
    frame.put_i16(key);
    frame.put_i16(version);
    frame.put_i32(1);
    frame.put_i16(1);
    frame.put_u8(b'c');
    frame.put_slice(body);
    frame
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_get_no_answer() {
    let rig = Rig::start().await;
    let array_of_2_billion = [0, 0, 0x7f, 0xff, 0xff, 0xff];
    for (name, bytes) in [
        ("negative length", (-1i32).to_be_bytes().to_vec()),
        ("huge length", i32::MAX.to_be_bytes().to_vec()),
        ("zero length", vec![0; 4]),
        ("three bytes", vec![0, 0, 0]),
        ("cut frame", b"\0\0\0\x64short".to_vec()),
        ("no header", vec![0, 0, 0, 2, 0, 3]),
        ("unknown key", request(999, 0, &[]).to_vec()),
        ("negative key", request(-1, 0, &[]).to_vec()),
        ("unserved key", request(4, 0, &[]).to_vec()),
        ("future version", request(3, 99, &[]).to_vec()),
        ("negative version", request(3, -1, &[]).to_vec()),
        ("old produce", request(0, 2, &[]).to_vec()),
        ("no body", request(3, 1, &[]).to_vec()),
        ("huge array", request(3, 1, &array_of_2_billion[2..]).to_vec()),
        ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
    ] {
        assert_eq!(throw(&rig, &bytes).await, 0, "{name}");
    }
    let mut crowd = 1_000_001i32.to_be_bytes().to_vec();
    crowd.resize(crowd.len() + 2_000_002, 0);
    assert_eq!(throw(&rig, &request(3, 1, &crowd)).await, 0, "a million topics");
    crowd.resize(9 << 20, 0);
    assert_eq!(throw(&rig, &request(3, 1, &crowd)).await, 0, "nine megabytes");
    let mut client = rig.client().await;
    assert_eq!(client.metadata(&["none"]).await, [ErrorCode::UnknownTopicOrPartition]);
}

/// Xorshift: the same bytes in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, max: u64) -> Vec<u8> {
        let len = self.next() % (max + 1);
        // Small numbers make lengths and counts that nearly fit.
        (0..len)
            .map(|_| if self.next().is_multiple_of(3) { self.byte() } else { self.byte() % 4 })
            .collect()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next() & 0xff).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bodies_of_every_api_do_no_harm() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.create_topic("kept", 1, &[]).await;
    let mut random = Random(0x6b71);
    for api in APIS {
        for version in api.served_from..=api.served_to {
            for _ in 0..6 {
                let body = random.bytes(80);
                throw(&rig, &request(api.key.code(), version, &body)).await;
            }
        }
    }
    let mut client = rig.client().await;
    assert_eq!(client.metadata(&["kept"]).await, [ErrorCode::None]);
}
