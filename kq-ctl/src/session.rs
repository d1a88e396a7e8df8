//! One command from beginning to end: its settings, its connection, its guards, its output.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

use kq_proto::admin::v1;
use kq_proto::client::Options;

use crate::cli::{Change, Consent};
use crate::cluster::Cluster;
use crate::exit::{Exit, Failure};
use crate::output::{Answer, Bars, Envelope, Output, Progress, Report, View};
use crate::settings::{Edit, Settings};
use crate::world::World;

/// Whether a command changes the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Change,
}

impl Change {
    pub(crate) fn access(&self) -> Access {
        if self.dry_run { Access::Read } else { Access::Change }
    }

    pub(crate) fn intent(&self) -> v1::Intent {
        v1::Intent { reason: self.reason.clone().unwrap_or_default(), dry_run: self.dry_run }
    }

    /// `done` as it is, or as it would be.
    pub(crate) fn status(&self, done: &str) -> String {
        if self.dry_run { format!("would_be_{done}") } else { done.to_owned() }
    }

    /// Adds how much changed to the summary.
    pub(crate) fn summary_of(&self, report: &mut Report, changed: usize) {
        report.sum("changed_count", changed);
        report.sum("dry_run", self.dry_run);
    }

    /// Sums a report up whose items are what changed.
    pub(crate) fn conclude(&self, report: &mut Report, changed: usize) {
        self.summary_of(report, changed);
        report.exit = self.exit(changed).filter(|_| report.failures.is_empty());
    }

    /// What `--exit-code` makes of a change.
    pub(crate) fn exit(&self, changed: usize) -> Option<Exit> {
        (self.exit_code && changed > 0).then_some(Exit::No)
    }
}

/// Something that cannot simply be undone.
pub(crate) struct Danger {
    /// As in `delete 2 topics: a, b`.
    pub(crate) what: String,
    /// The name to type, where `y` is too easily typed.
    pub(crate) word: Option<String>,
}

/// The surroundings and the state of one command.
pub(crate) struct Session {
    pub(crate) world: World,
    pub(crate) settings: Settings,
    pub(crate) view: View,
    pub(crate) out: RefCell<Output>,
    /// The command line, to be typed again with more.
    typed: String,
    cluster: RefCell<Option<Rc<dyn Cluster>>>,
    /// What goes on in the cluster if the operator leaves, and how to come back to it.
    resume: RefCell<Option<String>>,
    handles_interrupt: Cell<bool>,
    pinned_now: Cell<bool>,
    follows_at_once: Option<Duration>,
}

impl Session {
    pub(crate) fn new(world: World, settings: Settings, view: View, out: Output) -> Self {
        Self {
            follows_at_once: None,
            typed: "the same command".to_owned(),
            world,
            settings,
            view,
            out: RefCell::new(out),
            cluster: RefCell::new(None),
            resume: RefCell::new(None),
            handles_interrupt: Cell::new(false),
            pinned_now: Cell::new(false),
        }
    }

    /// The same, for `--watch` on a command that goes on by itself.
    pub(crate) fn following(mut self, follows: Option<Duration>) -> Self {
        self.follows_at_once = follows;
        self
    }

    /// The same, with the command line that refusals repeat.
    pub(crate) fn typed(mut self, args: &[OsString]) -> Self {
        self.typed = command_line(args);
        self
    }

    /// As it was typed, without consent.
    pub(crate) fn command_line(&self) -> &str {
        &self.typed
    }

    /// The same anew, when the broker that was asked is gone: any other will do.
    pub(crate) async fn cluster_again(&self, access: Access) -> Result<Rc<dyn Cluster>, Failure> {
        self.cluster.replace(None);
        self.cluster(access).await
    }

    /// The cluster, connected at first need and checked against the context's pin.
    pub(crate) async fn cluster(&self, access: Access) -> Result<Rc<dyn Cluster>, Failure> {
        self.check_guards(access)?;
        let known = self.cluster.borrow().clone();
        if let Some(cluster) = known {
            return Ok(cluster);
        }
        let cluster = (self.world.connect)(self.options()).await?;
        *self.cluster.borrow_mut() = Some(Rc::clone(&cluster));
        if let Some(context) = &self.settings.context {
            self.check_pin(&context.value, cluster.as_ref(), access).await?;
        }
        Ok(cluster)
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            brokers: self.settings.brokers.value.clone(),
            connect_timeout: self.settings.connect_timeout.value,
            call_timeout: self.settings.timeout.value,
            retry: self.settings.retry_connect.value,
            expected_cluster_id: self.settings.guards.cluster_id.clone(),
        }
    }

    fn check_guards(&self, access: Access) -> Result<(), Failure> {
        let guards = &self.settings.guards;
        if let Some(why) = &guards.unsupported {
            return Err(
                Failure::unsupported(why.clone()).hint("name a listener without them by --brokers")
            );
        }
        if access == Access::Change && guards.read_only {
            let name = self.context_name().unwrap_or_default();
            return Err(Failure::new(
                "kq.READ_ONLY",
                format!("context '{name}' is read-only; nothing was done"),
            )
            .hint(
                "--dry-run shows what would be done; read_only stands in the configuration file",
            ));
        }
        Ok(())
    }

    /// The first answer of a context's cluster is remembered; any other cluster is refused. Reads
    /// are checked by the header of their reply, changes before they are sent.
    async fn check_pin(
        &self,
        context: &str,
        cluster: &dyn Cluster,
        access: Access,
    ) -> Result<(), Failure> {
        let pin = self.settings.guards.cluster_id.as_deref();
        if pin.is_some() && access == Access::Read {
            return Ok(());
        }
        let found = cluster.describe_cluster(v1::DescribeClusterRequest {}).await?.cluster_id;
        match pin {
            Some(pin) if pin != found => Err(self.wrong_cluster(pin, &found)),
            Some(_) => Ok(()),
            None => {
                self.pin(context, &found);
                Ok(())
            }
        }
    }

    /// A pin that cannot be written protects nobody, but must not stop a command either.
    fn pin(&self, context: &str, cluster_id: &str) {
        let written = Edit::open(&self.settings.config_file).and_then(|mut edit| {
            edit.pin(context, cluster_id);
            edit.save()
        });
        match written {
            Ok(()) => {
                self.pinned_now.set(true);
                self.say(&format!("context '{context}' is now pinned to cluster {cluster_id}"));
            }
            Err(failure) => {
                self.say(&format!("warning: context '{context}' could not be pinned: {failure}"));
            }
        }
    }

    pub(crate) fn was_pinned_now(&self) -> bool {
        self.pinned_now.get()
    }

    fn wrong_cluster(&self, pin: &str, found: &str) -> Failure {
        let name = self.context_name().unwrap_or_default();
        let at = self.cluster.borrow().as_ref().map(|it| it.address()).unwrap_or_default();
        Failure::new(
            "kq.WRONG_CLUSTER",
            format!("context '{name}' is pinned to cluster {pin}, but {at} belongs to {found}"),
        )
        .hint("correct the brokers of the context, or remove its cluster_id if the cluster was made anew")
    }

    /// After the answer: was it the right cluster's?
    pub(crate) fn verify_cluster(&self) -> Result<(), Failure> {
        match (self.settings.guards.cluster_id.as_deref(), self.cluster_id()) {
            (Some(pin), Some(found)) if pin != found => Err(self.wrong_cluster(pin, &found)),
            _ => Ok(()),
        }
    }

    pub(crate) fn cluster_id(&self) -> Option<String> {
        self.cluster.borrow().as_ref().and_then(|cluster| cluster.cluster_id())
    }

    fn stale_for(&self) -> Option<Duration> {
        self.cluster.borrow().as_ref().and_then(|cluster| cluster.stale_for())
    }

    /// Says that the answer may be old, if it may.
    pub(crate) fn warn_if_stale(&self) {
        let Some(stale) = self.stale_for() else { return };
        let at = self.cluster.borrow().as_ref().map(|it| it.address()).unwrap_or_default();
        let stale = crate::output::duration_text(stale.as_secs().saturating_mul(1_000));
        self.say(&format!(
            "warning: {at} lost the controller {stale} ago: what it tells may be old"
        ));
        self.say("  try: name the other brokers too, by --brokers; kq-ctl cluster health");
    }

    pub(crate) fn context_name(&self) -> Option<&str> {
        self.settings.context.as_ref().map(|context| context.value.as_str())
    }

    pub(crate) fn envelope(&self) -> Envelope {
        Envelope {
            context: self.context_name().map(str::to_owned),
            cluster_id: self.cluster_id(),
            stale_ms: self.stale_for().map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
            at_ms: self.now_ms(),
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.world.now_ms)()
    }

    /// How often to look, if `--watch` was given to a command that goes on by itself.
    pub(crate) fn follows(&self) -> Option<Duration> {
        self.follows_at_once
    }

    /// Time since `began_ms`, for progress and summaries.
    pub(crate) fn elapsed(&self, began_ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.now_ms() - began_ms).unwrap_or(0))
    }

    /// Which way the command went, for `--verbose`.
    pub(crate) fn tell_way(&self, began_ms: i64) {
        let brokers: Vec<String> =
            self.settings.brokers.value.iter().map(ToString::to_string).collect();
        self.say(&format!("brokers {} ({})", brokers.join(","), self.settings.brokers.origin));
        if let Some(context) = &self.settings.context {
            self.say(&format!("context {} ({})", context.value, context.origin));
        }
        let answered = self.cluster.borrow().as_ref().map(|cluster| cluster.address());
        if let (Some(address), Some(id)) = (answered, self.cluster_id()) {
            let elapsed = u64::try_from(self.elapsed(began_ms).as_millis()).unwrap_or(u64::MAX);
            let elapsed = crate::output::duration_text(elapsed);
            self.say(&format!("{address} of cluster {id} answered; {elapsed} in all"));
        }
    }

    /// Words on stderr, unless quiet.
    pub(crate) fn say(&self, words: &str) {
        self.out.borrow_mut().words(&crate::output::harmless(words));
    }

    pub(crate) fn progress(&self, what: &str, total: Option<u64>) -> Progress {
        Progress::new(self.settings.progress.value, what, total, &self.out.borrow())
    }

    /// Bars for several things at a time, where there is a terminal to draw them on.
    pub(crate) fn bars(&self) -> Option<Bars> {
        Bars::new(self.settings.progress.value, &self.out.borrow())
    }

    /// Consent to something destructive: given beforehand, or asked for on a terminal.
    pub(crate) async fn consent(&self, given: &Consent, danger: &Danger) -> Result<(), Failure> {
        let context = self.context_name().filter(|_| self.settings.guards.protected);
        let wanted = match (context, &danger.word) {
            (Some(context), _) => Answer::Word(context.to_owned()),
            (None, Some(word)) => Answer::Word(word.clone()),
            (None, None) => Answer::Yes,
        };
        // What cannot be undone, and what a protected context holds, has to be named.
        if given.yes && matches!(wanted, Answer::Yes) {
            return Ok(());
        }
        match (&given.confirm, &wanted) {
            (Some(name), Answer::Word(word)) if name == word => return Ok(()),
            (Some(name), _) => {
                return Err(Failure::new(
                    "kq.CONFIRM",
                    format!("--confirm {name} does not name what is at stake; nothing was done"),
                )
                .hint(self.way_to_consent(&wanted)));
            }
            (None, _) => {}
        }
        let why = context.map(|it| format!("context '{it}' is protected: ")).unwrap_or_default();
        if !self.world.stdin_tty {
            return Err(Failure::new(
                "kq.CONFIRM",
                format!(
                    "{why}consent is needed to {}, and there is no terminal to ask on; nothing was done",
                    danger.what
                ),
            )
            .hint(self.way_to_consent(&wanted)));
        }
        let line = self.ask(&format!("{why}{}?", danger.what), &wanted).await?;
        if wanted.is_given_by(&line) {
            return Ok(());
        }
        Err(Failure::new("kq.CONFIRM", "not confirmed; nothing was done")
            .hint(self.way_to_consent(&wanted)))
    }

    /// The command with the consent that it lacks.
    fn way_to_consent(&self, wanted: &Answer) -> String {
        match wanted {
            Answer::Yes => format!("{} --yes", self.typed),
            Answer::Word(word) => format!("{} --confirm {}", self.typed, quoted(word)),
        }
    }

    /// True if what loses something has to be named.
    pub(crate) fn is_protected(&self) -> bool {
        self.settings.guards.protected
    }

    async fn ask(&self, question: &str, wanted: &Answer) -> Result<String, Failure> {
        let Some(mut input) = self.world.stdin.borrow_mut().take() else {
            return Err(Failure::usage("stdin is in use; nothing was done").hint("--yes"));
        };
        let question = format!("{} {}", crate::output::harmless(question), wanted.how());
        self.out.borrow_mut().prompt(&question);
        let read = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            let read = input.read_line(&mut line);
            (read.map(|_| line), input)
        });
        let (line, input) = read.await.map_err(|_| unanswered(&"it was cut off"))?;
        *self.world.stdin.borrow_mut() = Some(input);
        line.map_err(|error| unanswered(&error))
    }

    /// What to tell the operator who leaves now.
    pub(crate) fn on_interrupt(&self, words: impl Into<String>) {
        *self.resume.borrow_mut() = Some(words.into());
    }

    /// The command ends by itself at Ctrl-C, as a stream does that still has a document to close.
    pub(crate) fn handle_interrupt(&self) -> impl Future<Output = ()> + use<> {
        self.handles_interrupt.set(true);
        (self.world.interrupt)()
    }

    /// Comes true at Ctrl-C, unless the command handles it.
    pub(crate) async fn interrupted(&self) -> Failure {
        (self.world.interrupt)().await;
        if self.handles_interrupt.get() {
            std::future::pending::<()>().await;
        }
        self.interruption()
    }

    /// How an interrupted command ends.
    pub(crate) fn interruption(&self) -> Failure {
        let resume = self.resume.borrow().clone().unwrap_or_default();
        let failure = Failure::new("kq.INTERRUPTED", "interrupted").hint(resume);
        Failure { exit: Exit::Interrupted, ..failure }
    }
}

fn unanswered(why: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("cannot read the answer: {why}; nothing was done"))
        .hint("consent beforehand, by --yes or --confirm NAME")
}

/// As it can be typed again, without consent that did not suffice.
fn command_line(args: &[OsString]) -> String {
    let mut words = vec!["kq-ctl".to_owned()];
    let mut args = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    while let Some(arg) = args.next() {
        match arg.as_ref() {
            "--confirm" => drop(args.next()),
            "-y" | "--yes" => {}
            arg if arg.starts_with("--confirm=") => {}
            arg => words.push(quoted(arg)),
        }
    }
    words.join(" ")
}

/// A word as the shell takes it for one.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
