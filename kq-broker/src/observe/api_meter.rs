//! What is counted of one Kafka API.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kq_proto::kafka::{ApiKey, ErrorCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::monitor::{Buckets, bucket_of};

/// The label of one API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Api {
    api: &'static str,
}

/// The labels of one kind of failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    api: &'static str,
    error: &'static str,
}

/// The counters of one API, found once and used on every request.
#[derive(Debug)]
pub struct ApiMeter {
    api: ApiKey,
    seconds: Histogram,
    request_bytes: Counter,
    response_bytes: Counter,
    failures: Family<Failure, Counter>,
    /// By how long requests took, finer than for the pages of metrics; only where it is watched.
    watched: Option<Vec<AtomicU32>>,
}

impl ApiMeter {
    /// A request was answered.
    pub fn served(&self, took: Duration, request_bytes: u64, response_bytes: u64) {
        self.seconds.observe(took.as_secs_f64());
        let bucket = self.watched.as_ref().and_then(|it| it.get(bucket_of(took)));
        if let Some(bucket) = bucket {
            // It wraps: only differences are looked at.
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.request_bytes.inc_by(request_bytes);
        self.response_bytes.inc_by(response_bytes);
    }

    /// How many requests took how long since the start; none if that is not watched.
    pub fn watched(&self) -> Option<Buckets> {
        let counts = self.watched.as_ref()?.iter().map(|it| it.load(Ordering::Relaxed));
        Some(counts.collect())
    }

    /// A response carries this error, for one of its topics, partitions or other items.
    pub fn failed(&self, error: ErrorCode) {
        if !error.is_none() {
            let labels = Failure { api: self.api.name(), error: error.name() };
            self.failures.get_or_create(&labels).inc();
        }
    }
}

/// The counters of all APIs; one that is never called has no series.
#[derive(Debug)]
pub(super) struct ApiMeters {
    /// By the number of the API.
    by_code: Vec<OnceLock<ApiMeter>>,
    seconds: Family<Api, Histogram, fn() -> Histogram>,
    request_bytes: Family<Api, Counter>,
    response_bytes: Family<Api, Counter>,
    failures: Family<Failure, Counter>,
}

impl ApiMeters {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let codes = ApiKey::ALL.iter().filter_map(|key| usize::try_from(key.code()).ok());
        let count = codes.max().map_or(0, |max| max + 1);
        let meters = Self {
            by_code: (0..count).map(|_| OnceLock::new()).collect(),
            seconds: Family::new_with_constructor(request_histogram),
            request_bytes: Family::default(),
            response_bytes: Family::default(),
            failures: Family::default(),
        };
        registry.register_with_unit(
            "request_duration",
            "Time from a request's last byte to its response, by API",
            Unit::Seconds,
            meters.seconds.clone(),
        );
        registry.register_with_unit(
            "request",
            "Size of requests, by API",
            Unit::Bytes,
            meters.request_bytes.clone(),
        );
        registry.register_with_unit(
            "response",
            "Size of responses, by API",
            Unit::Bytes,
            meters.response_bytes.clone(),
        );
        registry.register(
            "request_errors",
            "Errors in responses, by API and Kafka's name of the error",
            meters.failures.clone(),
        );
        meters
    }

    pub(super) fn get(&self, api: ApiKey) -> &ApiMeter {
        let code = usize::try_from(api.code()).unwrap_or_default();
        let slot = self.by_code.get(code).expect("there is a place for every key");
        slot.get_or_init(|| {
            let labels = Api { api: api.name() };
            ApiMeter {
                api,
                seconds: self.seconds.get_or_create_owned(&labels),
                request_bytes: self.request_bytes.get_or_create_owned(&labels),
                response_bytes: self.response_bytes.get_or_create_owned(&labels),
                failures: self.failures.clone(),
                // A fetch waits for records to come: how long it took says nothing of the broker.
                watched: (api == ApiKey::Produce)
                    .then(|| (0..Buckets::COUNT).map(|_| AtomicU32::new(0)).collect()),
            }
        })
    }
}

/// 50 microseconds to 26 seconds.
fn request_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.0, 20))
}
