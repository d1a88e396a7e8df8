//! Appending records: in one message while they are small, in parts when they are not.

use bytes::Bytes;
use prost::Message as _;
use tonic::{Response, Status};

use super::Service;
use crate::admin::v1::{
    ProducePart, ProduceRequest, ProduceResponse, records_client::RecordsClient,
};

/// Bytes of one message, well below what a broker takes.
const PART_BYTES: usize = 1 << 20;

/// The way in for records.
#[derive(Debug, Clone)]
pub struct Appends(pub(super) RecordsClient<Service>);

impl Appends {
    /// Appends records and waits as their request asks.
    pub async fn produce(
        &mut self,
        request: ProduceRequest,
    ) -> Result<Response<ProduceResponse>, Status> {
        match in_parts(&request) {
            None => self.0.produce(request).await,
            Some(parts) => self.0.produce_parts(tokio_stream::iter(parts)).await,
        }
    }
}

/// The parts of a request that is too large for one message; none if it is not.
pub fn in_parts(request: &ProduceRequest) -> Option<Vec<ProducePart>> {
    let is_large = request.encoded_len() > PART_BYTES;
    is_large.then(|| parts(Bytes::from(request.encode_to_vec())))
}

fn parts(mut bytes: Bytes) -> Vec<ProducePart> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        parts.push(ProducePart { bytes: bytes.split_to(PART_BYTES.min(bytes.len())) });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_small_and_whole_together() {
        let bytes: Vec<u8> = (0..2 * PART_BYTES + 7).map(|at| at.to_le_bytes()[0]).collect();
        let parts = parts(bytes.clone().into());
        assert_eq!(parts.iter().map(|it| it.bytes.len()).max(), Some(PART_BYTES));
        let whole: Vec<u8> = parts.iter().flat_map(|it| it.bytes.to_vec()).collect();
        assert!(whole == bytes);
    }
}
