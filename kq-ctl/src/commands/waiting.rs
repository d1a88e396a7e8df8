//! Waiting for something to come true, for all nouns: looks again and again, shows what is missing,
//! and says at the end what did not come true and why.

use std::time::Duration;

use crate::cli;
use crate::exit::{Exit, Failure};
use crate::output::{Cell, Report, Row};
use crate::schema::Schema;
use crate::session::Session;
use crate::settings::Origin;

/// Between two looks; grows up to the second.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Commands that can wait for their effect have this.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Wait {
    /// Wait until it is true everywhere, up to DURATION; without one up to --timeout, and for a plan
    /// as long as it takes
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "0s", value_parser = cli::duration)]
    pub(crate) wait: Option<Duration>,
}

impl Wait {
    /// The bound of a command that does nothing but wait.
    pub(crate) fn bound(&self, session: &Session) -> Duration {
        self.given().unwrap_or(session.settings.timeout.value)
    }

    /// The same for a plan, which takes as long as it takes: without a word about it, none.
    pub(crate) fn plan_bound(&self, session: &Session) -> Duration {
        self.given().unwrap_or_else(|| match &session.settings.timeout {
            timeout if timeout.origin == Origin::Default => Duration::MAX,
            timeout => timeout.value,
        })
    }

    fn given(&self) -> Option<Duration> {
        self.wait.filter(|bound| !bound.is_zero())
    }
}

/// Something that is waited for.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// As in the column.
    pub(crate) name: String,
    /// As in a sentence: `topic 'orders'`.
    pub(crate) called: String,
    /// A command that shows why.
    pub(crate) look: String,
}

/// What is waited for, and how it is told.
pub(crate) struct Waiting {
    pub(crate) schema: &'static Schema,
    /// The field that names a subject.
    pub(crate) field: &'static str,
    /// As typed behind `--for`.
    pub(crate) condition: String,
    pub(crate) subjects: Vec<Subject>,
    /// The command that waits on, for who is interrupted.
    pub(crate) resume: String,
}

impl Waiting {
    /// Looks until nothing is missing or the time is up; zero means the usual deadline. `look` tells
    /// for each subject what it lacks.
    pub(crate) async fn until(
        &self,
        bound: Duration,
        session: &Session,
        look: impl AsyncFn() -> Result<Vec<Option<String>>, Failure>,
    ) -> Result<Report, Failure> {
        let total = u64::try_from(self.subjects.len()).unwrap_or(0);
        self.until_part(bound, session, total, async || {
            let missing = look().await?;
            let met = missing.iter().filter(|it| it.is_none()).count();
            Ok((u64::try_from(met).unwrap_or(0), missing))
        })
        .await
    }

    /// The same, where `look` also tells how much of `total` is done.
    pub(crate) async fn until_part(
        &self,
        bound: Duration,
        session: &Session,
        total: u64,
        look: impl AsyncFn() -> Result<(u64, Vec<Option<String>>), Failure>,
    ) -> Result<Report, Failure> {
        let bound = if bound.is_zero() { session.settings.timeout.value } else { bound };
        session.on_interrupt(self.resume.clone());
        let began = session.now_ms();
        let count = self.subjects.len();
        let mut progress = session.progress("waiting", Some(total));
        let mut pause = PAUSE;
        let mut looked = None;
        loop {
            let (done, missing) = match (look().await, looked) {
                (Ok(told), _) => told,
                // While a cluster changes, the broker that answers may come and go.
                (Err(failure), Some(done)) if failure.retriable => {
                    (done, vec![Some(failure.message); count])
                }
                (Err(failure), _) => return Err(failure),
            };
            looked = Some(done);
            let elapsed = session.elapsed(began);
            let met = missing.iter().filter(|it| it.is_none()).count();
            if met == count || bound <= elapsed {
                return Ok(self.outcome(missing, elapsed));
            }
            let words = missing.iter().flatten().next().cloned().unwrap_or_default();
            progress.at(elapsed, done, &words, &mut session.out.borrow_mut());
            tokio::time::sleep(pause.min(bound.saturating_sub(elapsed))).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// The row of a subject with what it lacks.
    pub(crate) fn row(&self, at: usize, why: Option<String>) -> Option<Row> {
        self.subjects.get(at).map(|subject| self.row_of(subject, why))
    }

    fn row_of(&self, subject: &Subject, why: Option<String>) -> Row {
        Row(vec![
            (self.field, Cell::from(&subject.name)),
            ("condition", Cell::from(&self.condition)),
            ("met", Cell::from(why.is_none())),
            ("why", Cell::from(why)),
        ])
    }

    fn outcome(&self, missing: Vec<Option<String>>, elapsed: Duration) -> Report {
        let mut report = Report::new(self.schema);
        for (subject, why) in self.subjects.iter().zip(missing) {
            if let Some(why) = &why {
                let message =
                    format!("{} does not meet '{}' yet: {why}", subject.called, self.condition);
                report.failures.push(
                    Failure::new("kq.DEADLINE", message)
                        .about(subject.name.clone())
                        .hint(format!("look with {}, or raise --timeout", subject.look)),
                );
            }
            report.push(self.row_of(subject, why));
        }
        let waited_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        report.sum("waited_ms", Cell::Millis(waited_ms));
        if !report.failures.is_empty() {
            report.exit = Some(Exit::Deadline);
        }
        report
    }
}
