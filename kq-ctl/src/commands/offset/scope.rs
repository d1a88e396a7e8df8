//! Which partitions of which topics of a group.

use std::str::FromStr;

use kq_proto::admin::v1;

use crate::exit::Failure;
use crate::spec::topic_partitions;

/// As `orders` or `orders:0,3`.
#[derive(Debug, Clone)]
pub(super) struct Part(v1::TopicPartitions);

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let accepted = || format!("'{text}' names no topic: write TOPIC or TOPIC:0,3");
        let (topic, partitions) = topic_partitions(text).map_err(|_| accepted())?;
        if topic.is_empty() || partitions.iter().any(|it| *it > 0x7fff_ffff) {
            return Err(accepted());
        }
        Ok(Self(v1::TopicPartitions { topic, partitions }))
    }
}

/// Topics of a command that reads.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Topics {
    /// Only this topic, or partitions of it as orders:0,3; may be given again
    #[arg(short, long, value_name = "TOPIC[:P,P]", add = crate::complete::topics())]
    topic: Vec<Part>,
}

impl Topics {
    pub(super) fn wire(&self) -> Vec<v1::TopicPartitions> {
        self.topic.iter().map(|it| it.0.clone()).collect()
    }
}

/// Topics of a command that changes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Scope {
    /// A topic, or partitions of it as orders:0,3; may be given again
    #[arg(short, long, value_name = "TOPIC[:P,P]", add = crate::complete::topics())]
    topic: Vec<Part>,
    /// All topics that the group has committed, is subscribed to or is assigned
    #[arg(long, conflicts_with = "topic")]
    all_topics: bool,
}

impl Scope {
    /// Nothing at all is a mistake, not everything, unless something else names the partitions.
    pub(super) fn of(
        &self,
        names_itself: bool,
    ) -> Result<(Vec<v1::TopicPartitions>, bool), Failure> {
        if self.topic.is_empty() && !self.all_topics && !names_itself {
            return Err(
                Failure::usage("no topic is named").hint("-t TOPIC, -t TOPIC:0,3 or --all-topics")
            );
        }
        Ok((self.topic.iter().map(|it| it.0.clone()).collect(), self.all_topics))
    }
}
