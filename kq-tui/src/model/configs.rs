//! The configuration of one thing, as the cluster told it. Secrets are thrown away as they come in:
//! what is not kept is never shown, copied or exported.

use kq_proto::admin::v1::{ConfigEntry, ConfigSource, DescribeConfigsResponse};

use super::Subject;

/// Keys that are kept; no broker has a tenth of it.
const ENTRIES_MAX: usize = 2_000;
/// Of a text no more is kept, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// What is known of the configuration that is looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Configs {
    /// Of what.
    pub of: Option<Subject>,
    /// Keys in the order of their names.
    pub entries: Vec<ConfigEntry>,
    /// The cluster has told them; before, there is nothing to say.
    pub is_told: bool,
    /// Why it did not, or not of late; not yet safe to show.
    pub failure: Option<String>,
}

impl Configs {
    /// Begins with nothing known.
    pub(super) fn of(subject: Subject) -> Self {
        Self { of: Some(subject), ..Self::default() }
    }

    /// Takes in what was told. Keys that were known before go only if the cluster names others.
    pub(super) fn take(&mut self, told: DescribeConfigsResponse) {
        self.failure = told.errors.into_iter().next().map(|it| it.message);
        let mut resources = told.resources.into_iter();
        let Some(resource) = resources.next() else {
            if self.failure.is_none() {
                self.failure = Some("the cluster told nothing of it".to_owned());
            }
            return;
        };
        self.is_told = true;
        self.entries = resource.entries.into_iter().take(ENTRIES_MAX).map(kept).collect();
        self.entries.sort_by(|a, b| a.key.cmp(&b.key));
    }

    /// The entry of a key.
    pub fn named(&self, key: &str) -> Option<&ConfigEntry> {
        self.entries.iter().find(|it| it.key == key)
    }

    /// How many keys are set somewhere.
    pub fn set_count(&self) -> usize {
        self.entries.iter().filter(|it| is_set(it)).count()
    }
}

/// Without what is secret, and with texts of bounded length.
fn kept(mut it: ConfigEntry) -> ConfigEntry {
    if it.sensitive {
        it.value = None;
        it.default_value = None;
        for synonym in &mut it.synonyms {
            synonym.value = None;
        }
    }
    it.synonyms.truncate(16);
    let synonyms = it.synonyms.iter_mut().filter_map(|it| it.value.as_mut());
    let texts = it.value.iter_mut().chain(it.default_value.iter_mut()).chain(synonyms);
    texts.chain([&mut it.key, &mut it.doc, &mut it.bounds]).for_each(bound);
    it
}

fn bound(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
}

/// Whether a key has its value from anywhere but the default.
pub fn is_set(it: &ConfigEntry) -> bool {
    !matches!(it.source(), ConfigSource::Default | ConfigSource::Unspecified)
}

/// Whether the value in force is another one than the default; none where that is secret.
pub fn differs(it: &ConfigEntry) -> Option<bool> {
    (!it.sensitive).then(|| it.value != it.default_value)
}

/// Where a value comes from, in a word.
pub const fn source_word(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::DynamicTopic => "topic",
        ConfigSource::DynamicBroker => "broker",
        ConfigSource::DynamicCluster => "cluster",
        ConfigSource::StaticBroker => "static",
        ConfigSource::Default => "default",
        ConfigSource::DynamicBrokerLogger => "logger",
        ConfigSource::DynamicGroup => "group",
        ConfigSource::DynamicClientMetrics => "metrics",
        ConfigSource::Unspecified => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use kq_proto::admin::v1::{ConfigSynonym, ItemError, ResourceConfigs};

    use super::*;

    fn entry(key: &str, value: &str) -> ConfigEntry {
        ConfigEntry {
            key: key.to_owned(),
            value: Some(value.to_owned()),
            default_value: Some("1".to_owned()),
            source: ConfigSource::DynamicTopic.into(),
            ..ConfigEntry::default()
        }
    }

    fn told(entries: Vec<ConfigEntry>) -> DescribeConfigsResponse {
        DescribeConfigsResponse {
            resources: vec![ResourceConfigs { resource: None, entries }],
            errors: Vec::new(),
        }
    }

    #[test]
    fn a_secret_is_not_kept_whoever_tells_it() {
        let secret = ConfigEntry {
            sensitive: true,
            synonyms: vec![ConfigSynonym {
                value: Some("hunter2".to_owned()),
                ..ConfigSynonym::default()
            }],
            ..entry("ssl.key.password", "hunter2")
        };
        let mut it = Configs::of(Subject::Broker(1));
        it.take(told(vec![secret]));
        assert!(!format!("{it:?}").contains("hunter2"), "{it:?}");
        assert_eq!(differs(&it.entries[0]), None);
    }

    #[test]
    fn a_failure_keeps_what_was_known() {
        let mut it = Configs::of(Subject::Topic("orders".into()));
        it.take(told(vec![entry("b", "2"), entry("a", "1")]));
        assert_eq!((it.entries[0].key.as_str(), it.set_count()), ("a", 2));
        let error = ItemError { message: "no such topic".to_owned(), ..ItemError::default() };
        it.take(DescribeConfigsResponse { resources: Vec::new(), errors: vec![error] });
        assert_eq!((it.entries.len(), it.failure.as_deref()), (2, Some("no such topic")));
        assert_eq!(it.entries.iter().map(differs).collect::<Vec<_>>(), [Some(false), Some(true)]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut it = Configs::of(Subject::Cluster);
        it.take(told(vec![entry("a", &"é".repeat(TEXT_BYTES_MAX))]));
        assert!(it.entries[0].value.as_ref().unwrap().len() <= TEXT_BYTES_MAX);
        it.take(told((0..3_000).map(|at| entry(&at.to_string(), "")).collect()));
        assert_eq!(it.entries.len(), ENTRIES_MAX);
    }
}
