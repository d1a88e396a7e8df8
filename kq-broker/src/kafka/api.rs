//! One file per API: what it answers and why. The table in `dispatch` names them all.

pub mod acls;
pub mod alter_configs;
pub mod api_versions;
pub mod control;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_log_dirs;
pub mod describe_topic_partitions;
pub mod fetch;
pub mod init_producer_id;
pub mod list_config_resources;
pub mod list_offsets;
pub mod metadata;
pub mod offset_for_leader_epoch;
pub mod operations;
pub mod produce;
pub mod resource;
