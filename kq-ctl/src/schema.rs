//! What each command prints: the fields of its items, declared once for table columns, JSON, JSON
//! Schema and `schema list`. Within `kq.v1` fields are only ever added.

mod cluster;
mod config;
mod group;
mod json_schema;
mod leader;
mod local;
mod offset;
mod partition;
mod plan;
mod record;
mod topic;

pub(crate) use cluster::*;
pub(crate) use config::*;
pub(crate) use group::*;
pub(crate) use json_schema::json_schema;
pub(crate) use leader::*;
pub(crate) use local::*;
pub(crate) use offset::*;
pub(crate) use partition::*;
pub(crate) use plan::*;
pub(crate) use record::*;
pub(crate) use topic::*;

/// The version of all of them.
pub(crate) const VERSION: &str = "kq.v1";

/// One kind of document.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) kind: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) layout: Layout,
    /// Fields that together name an item: the cursor of `--after` and the output of `-o name`.
    pub(crate) key: &'static [&'static str],
    pub(crate) fields: &'static [Field],
    /// Fields of `summary`.
    pub(crate) summary: &'static [Field],
}

/// How the table format lays items out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One line per item.
    Rows,
    /// A block per item: its single values line by line, then its nested tables.
    Card,
}

/// One field of an item.
#[derive(Debug)]
pub(crate) struct Field {
    /// In JSON.
    pub(crate) name: &'static str,
    /// In tables; no spaces.
    pub(crate) header: &'static str,
    pub(crate) ty: Type,
    pub(crate) nullable: bool,
    pub(crate) show: Show,
    pub(crate) doc: &'static str,
}

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    Bool,
    Int,
    /// So many a second.
    Rate,
    Text,
    Time,
    /// Bytes.
    Size,
    /// Milliseconds.
    Millis,
    Ints,
    Texts,
    Rows(&'static [Field]),
    Pairs,
}

/// When a column is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Always,
    /// With `-o wide`.
    Wide,
    /// Only when named by `--columns`.
    Named,
}

impl Field {
    pub(crate) const fn of(
        ty: Type,
        name: &'static str,
        header: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, header, ty, nullable: false, show: Show::Always, doc }
    }

    pub(crate) const fn wide(mut self) -> Self {
        self.show = Show::Wide;
        self
    }

    pub(crate) const fn named(mut self) -> Self {
        self.show = Show::Named;
        self
    }

    pub(crate) const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Numbers line up on the right.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.ty, Type::Int | Type::Rate | Type::Size | Type::Millis)
    }

    /// True if it is laid out as a section of its own.
    pub(crate) fn is_section(&self) -> bool {
        matches!(self.ty, Type::Rows(_))
    }
}

impl Schema {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        find(self.fields, name)
    }
}

/// By name or header, as an operator types it.
pub(crate) fn find(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    let wanted = name.to_lowercase().replace('-', "_");
    fields.iter().find(|field| field.name == wanted || field.header.eq_ignore_ascii_case(name))
}

/// Every kind, sorted by name.
pub(crate) const ALL: &[&Schema] = &[
    &BROKER,
    &BROKER_CHANGE,
    &BROKER_LIST,
    &CLUSTER,
    &DOCTOR,
    &DOCTOR_FIX,
    &CLUSTER_HEALTH,
    &CLUSTER_ROLL,
    &CLUSTER_STATUS,
    &COMMAND_TREE,
    &COMPLETION,
    &CONFIG,
    &CONFIG_CHANGE,
    &CONFIG_DIFF,
    &CONFIG_VALUES,
    &CONTEXT,
    &CONTEXT_CHANGE,
    &CONTEXT_CHECK,
    &CONTEXT_LIST,
    &DELETED_TOPIC_LIST,
    &ERROR,
    &EVENT_LIST,
    &GROUP,
    &GROUP_CHANGE,
    &GROUP_LAG,
    &GROUP_LIST,
    &GROUP_MEMBER_CHANGE,
    &GROUP_MEMBERS,
    &GROUP_WAIT,
    &LEADER_ELECTION,
    &LEADER_LIST,
    &LEADER_POLICY,
    &LEADER_POLICY_CHANGE,
    &LOG_DIR_TOPICS,
    &LOG_DIRS,
    &LOG_DUMP,
    &LOG_VERIFY,
    &OFFSET_RESET,
    &OFFSET_UNDO_LIST,
    &OFFSETS,
    &PARTITION,
    &PARTITION_LIST,
    &PLAN,
    &PLAN_DIFF,
    &PLAN_LIST,
    &PLAN_RULES,
    &PLAN_STATUS,
    &PRODUCED,
    &QUORUM_CHANGE,
    &QUORUM_STATUS,
    &RECORD_COUNT,
    &RECORD_LIST,
    &RESTART_CHECK,
    &SCHEMA_LIST,
    &TOPIC,
    &TOPIC_ALTERATION,
    &TOPIC_CHANGE,
    &TOPIC_COMPACTION,
    &TOPIC_LAG,
    &TOPIC_LIST,
    &TOPIC_OFFSETS,
    &TOPIC_WAIT,
    &TRANSLATION,
    &WAIT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_keys_are_fields() {
        assert!(ALL.is_sorted_by_key(|schema| schema.kind));
        for schema in ALL {
            for key in schema.key {
                assert!(schema.field(key).is_some(), "{}: key {key} is no field", schema.kind);
            }
        }
    }

    #[test]
    fn headers_have_no_spaces_and_names_are_snake_case() {
        for field in ALL.iter().flat_map(|schema| schema.fields.iter().chain(schema.summary)) {
            assert!(!field.header.contains(' '), "{}", field.header);
            assert!(
                field
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()),
                "{}",
                field.name
            );
        }
    }
}
