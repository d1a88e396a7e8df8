//! Several members in this process, over real sockets: elections, restarts, catching up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kq_storage::vfs::RealFs;
use openraft::async_runtime::WatchReceiver as _;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::valve::Valve;
use super::{Birth, Controller, ControllerOptions, MemberStatus, QuorumChange, Trimming};
use crate::controller::{Command, NewTopic, Refused, Settings};
use crate::grpc::Early;
use crate::ids::{BrokerId, ClusterId};
use crate::metadata::{BrokerRegistration, EventKind, TimestampMs};
use crate::peers::Peers;

pub(super) const SOON: Duration = Duration::from_secs(30);

/// One member: its address stays its own while it is down.
struct Member {
    id: u32,
    dir: PathBuf,
    address: String,
    early: Arc<Early>,
    up: Option<(Controller, CancellationToken, tokio::task::JoinHandle<()>)>,
}

pub(super) struct Cluster {
    members: BTreeMap<u32, Member>,
    trimming: Trimming,
    /// How one member reaches another, where that is not directly.
    valves: BTreeMap<(u32, u32), Valve>,
    id: ClusterId,
    dir: TempDir,
}

impl Member {
    async fn listen(&self) -> TcpListener {
        // A port that was just given up may linger for a moment in the hands of a closing peer.
        loop {
            match TcpListener::bind(&self.address).await {
                Ok(listener) => return listener,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    fn controller(&self) -> &Controller {
        &self.up.as_ref().expect("the member is up").0
    }
}

impl Cluster {
    /// One voter, number 1.
    async fn found(trimming: Trimming) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let id = ClusterId("test-cluster".to_owned());
        let (members, valves) = (BTreeMap::new(), BTreeMap::new());
        let mut cluster = Self { members, trimming, valves, id, dir };
        cluster.add(1).await;
        cluster.start(1, Birth::Cluster).await;
        cluster
    }

    /// Three voters.
    pub(super) async fn of_three() -> Self {
        let mut cluster = Self::found(Trimming::default()).await;
        cluster.join(2).await;
        cluster.join(3).await;
        cluster.vote(2).await;
        cluster.vote(3).await;
        cluster
    }

    /// Three voters that reach one another through valves.
    pub(super) async fn of_three_by_valves() -> Self {
        let mut cluster = Self::of_three().await;
        for id in 1..=3 {
            cluster.stop(id).await;
        }
        for (from, to) in [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)] {
            let valve = Valve::to(cluster.members[&to].address.clone()).await;
            cluster.valves.insert((from, to), valve);
        }
        for id in 1..=3 {
            cluster.start(id, Birth::Again).await;
        }
        cluster
    }

    /// Whether a member hears what the others say.
    pub(super) fn set_hears(&self, id: u32, hears: bool) {
        for ((from, to), valve) in &self.valves {
            if *to == id {
                valve.set_there(hears);
            } else if *from == id {
                valve.set_back(hears);
            }
        }
    }

    async fn add(&mut self, id: u32) {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap().to_string();
        let dir = self.dir.path().join(id.to_string());
        self.members.insert(id, Member { id, dir, address, early: Arc::default(), up: None });
    }

    pub(super) async fn start(&mut self, id: u32, birth: Birth) {
        let (trimming, cluster_id) = (self.trimming, Some(self.id.clone()));
        let member = self.members.get_mut(&id).unwrap();
        let early = Arc::new(Early::default());
        let stop = CancellationToken::new();
        let listener = member.listen().await;
        let (router, stopped) = (early.router(), stop.clone());
        let serving = tokio::spawn(async move {
            let server = axum::serve(listener, router);
            tokio::select! {
                ended = server => drop(ended),
                () = stopped.cancelled() => {}
            }
        });
        let ways = self.valves.iter().filter(|((from, _), _)| *from == id);
        let ways = ways.map(|((_, to), valve)| (BrokerId(*to), valve.address.clone()));
        let options = ControllerOptions {
            fs: Arc::new(RealFs),
            dir: member.dir.clone(),
            broker: BrokerId(member.id),
            birth,
            address: member.address.clone(),
            peers: Peers::new(ways.collect()),
            cluster_id,
            known_end: None,
            settings: Settings::default(),
            trimming,
            clock: Arc::new(|| TimestampMs(1_000)),
        };
        let controller = Controller::open(options).await.unwrap();
        early.quorum().open(&controller);
        tokio::spawn(controller.clone().yield_unheard());
        (member.early, member.up) = (early, Some((controller, stop, serving)));
    }

    /// A broker with an empty directory becomes a learner.
    async fn join(&mut self, id: u32) {
        self.add(id).await;
        let address = self.members[&id].address.clone();
        let leader = self.leader().await;
        let admitted = leader.admit(None, &address).await.unwrap();
        assert_eq!(admitted, BrokerId(id));
        self.start(id, Birth::Joining).await;
        let index = leader.image().applied();
        self.wait_applied(id, index).await;
    }

    async fn vote(&self, id: u32) {
        self.change(&self.leader().await, QuorumChange::AddVoter(BrokerId(id)), "").await;
    }

    /// Asks for a change until it is made. On a machine that is busy with other things members are
    /// late to answer, and whoever is late counts as silent for a while.
    async fn change(&self, asked: &Controller, change: QuorumChange, reason: &str) {
        let made = async {
            while let Err(err) = asked.change_quorum(change, reason, SOON).await {
                let passes = err.refused == Refused::Majority || err.message.contains("caught up");
                assert!(passes, "{err}");
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, made).await.expect("the quorum changes in time");
    }

    /// Where a member is, or was last.
    pub(super) fn address(&self, id: u32) -> String {
        self.members[&id].address.clone()
    }

    /// Where a member that is down will be when it starts again; tells where it was.
    pub(super) fn set_address(&mut self, id: u32, address: String) -> String {
        std::mem::replace(&mut self.members.get_mut(&id).unwrap().address, address)
    }

    /// The door of a member.
    pub(super) fn early(&self, id: u32) -> &Early {
        &self.members[&id].early
    }

    pub(super) async fn stop(&mut self, id: u32) {
        let (controller, stop, serving) = self.members.get_mut(&id).unwrap().up.take().unwrap();
        stop.cancel();
        serving.await.unwrap();
        controller.shutdown().await;
    }

    pub(super) fn at(&self, id: u32) -> &Controller {
        self.members[&id].controller()
    }

    /// Whoever leads by the word of a majority of those that are up.
    pub(super) async fn leader(&self) -> Controller {
        let up: Vec<&Controller> =
            self.members.values().filter_map(|it| it.up.as_ref()).map(|it| &it.0).collect();
        let found = async {
            loop {
                let leads = up.iter().find(|it| {
                    let term = it.inner.raft.metrics().borrow_watched().current_term;
                    let later = up.iter().any(|other| other.status().term > term);
                    it.is_leader() && !later
                });
                if let Some(leader) = leads {
                    return (*leader).clone();
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, found).await.expect("somebody leads in time")
    }

    /// The command by which a member registers; topics need a broker.
    pub(super) fn register(&self, id: u32) -> Command {
        let (host, port) = self.members[&id].address.rsplit_once(':').unwrap();
        let port = port.parse().unwrap();
        Command::RegisterBroker(BrokerRegistration::at(BrokerId(id), host, port))
    }

    pub(super) async fn wait_applied(&self, id: u32, index: u64) {
        let mut images = self.at(id).subscribe();
        let reached = images.wait_for(|image| image.applied() >= index);
        tokio::time::timeout(SOON, reached).await.unwrap().unwrap();
    }

    pub(super) fn topics_at(&self, id: u32) -> Vec<String> {
        self.at(id).image().topics().map(|topic| topic.name.to_string()).collect()
    }
}

fn is_recent(ago: Duration) -> bool {
    ago < Duration::from_secs(3)
}

pub(super) fn create(name: &str) -> Command {
    let topic = NewTopic { name: name.to_owned(), ..NewTopic::default() };
    Command::CreateTopics { topics: vec![topic], validate_only: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_sent_to_any_member_are_there_when_they_return() {
    let mut cluster = Cluster::of_three().await;
    cluster.at(3).submit(cluster.register(1), SOON).await.unwrap();
    for id in 1..=3 {
        let name = format!("by-{id}");
        cluster.at(id).submit(create(&name), SOON).await.unwrap();
        assert!(cluster.topics_at(id).contains(&name));
    }
    assert_eq!(cluster.leader().await.status().voters, [1, 2, 3].map(BrokerId));
    for id in 1..=3 {
        cluster.at(id).catch_up(SOON).await.unwrap();
        assert_eq!(cluster.topics_at(id), ["by-1", "by-2", "by-3"]);
    }
    for id in 1..=3 {
        cluster.stop(id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_leader_is_replaced_and_comes_back_as_a_follower() {
    let mut cluster = Cluster::of_three().await;
    cluster.at(2).submit(cluster.register(1), SOON).await.unwrap();
    let first = cluster.leader().await;
    let lost = first.broker().0;
    cluster.stop(lost).await;
    let other = if lost == 1 { 2 } else { 1 };
    cluster.at(other).submit(create("while-away"), SOON).await.unwrap();
    cluster.start(lost, Birth::Again).await;
    cluster.at(lost).catch_up(SOON).await.unwrap();
    assert_eq!(cluster.topics_at(lost), ["while-away"]);
    // With two of three gone nothing is decided, and with one of them back it is.
    let now = cluster.leader().await.broker().0;
    let staying = (1..=3).find(|id| *id != now && *id != lost).unwrap();
    cluster.stop(now).await;
    cluster.stop(lost).await;
    let refused = cluster.at(staying).submit(create("alone"), Duration::from_secs(3)).await;
    assert!(refused.is_err());
    assert!(cluster.at(staying).quorum_by_leader().await.is_err());
    cluster.start(lost, Birth::Again).await;
    cluster.at(staying).submit(create("together"), SOON).await.unwrap();
    cluster.start(now, Birth::Again).await;
    cluster.at(now).catch_up(SOON).await.unwrap();
    assert!(cluster.topics_at(now).contains(&"together".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_knows_that_the_leader_is_gone_waits_for_no_election_timeout() {
    let mut cluster = Cluster::of_three().await;
    let lost = cluster.leader().await.broker();
    for id in 1..=3 {
        // By itself nobody stands from here on.
        cluster.at(id).inner.raft.runtime_config().elect(false);
    }
    cluster.at(lost.0).submit(cluster.register(1), SOON).await.unwrap();
    let heirs = (1..=3).filter(|id| *id != lost.0);
    for heir in heirs.clone() {
        cluster.wait_applied(heir, cluster.at(lost.0).image().applied()).await;
    }
    cluster.stop(lost.0).await;
    for heir in heirs.clone() {
        cluster.at(heir).succeed(lost).await;
        // Nobody stands a second time here: two that stood at once might both lose.
        let mut leadership = cluster.at(heir).leadership();
        let stood = leadership.wait_for(|it| it.leader.is_some_and(|leader| leader != lost));
        tokio::time::timeout(SOON, stood).await.unwrap().unwrap();
    }
    let heir = cluster.leader().await;
    assert!(heirs.clone().any(|id| BrokerId(id) == heir.broker()));
    heir.submit(create("by-the-heir"), SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_taken_for_dead_is_replaced_and_nothing_is_lost() {
    let cluster = Cluster::of_three().await;
    cluster.at(1).submit(cluster.register(1), SOON).await.unwrap();
    let led = cluster.leader().await;
    let heir = (1..=3).find(|id| BrokerId(*id) != led.broker()).unwrap();
    cluster.wait_applied(heir, led.image().applied()).await;
    let mut leadership = cluster.at(heir).leadership();
    let before = leadership.borrow_and_update().term;
    cluster.at(heir).succeed(led.broker()).await;
    let taken = leadership.wait_for(|it| before < it.term && it.leader.is_some());
    tokio::time::timeout(SOON, taken).await.unwrap().unwrap();
    let leader = led.broker();
    cluster.at(leader.0).submit(create("by-the-old-one"), SOON).await.unwrap();
    assert_eq!(cluster.topics_at(leader.0), ["by-the-old-one"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_members_stop_and_come_back_with_what_was_answered() {
    let mut cluster = Cluster::of_three().await;
    cluster.at(1).submit(cluster.register(1), SOON).await.unwrap();
    cluster.at(2).submit(create("kept"), SOON).await.unwrap();
    for id in 1..=3 {
        cluster.stop(id).await;
    }
    for id in [3, 2, 1] {
        cluster.start(id, Birth::Again).await;
    }
    for id in 1..=3 {
        cluster.at(id).catch_up(SOON).await.unwrap();
        assert_eq!(cluster.topics_at(id), ["kept"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_comes_late_catches_up_by_a_snapshot() {
    let trimming = Trimming { snapshot_entries: 5, kept_entries: 1 };
    let mut cluster = Cluster::found(trimming).await;
    cluster.at(1).submit(cluster.register(1), SOON).await.unwrap();
    for number in 0..20 {
        cluster.at(1).submit(create(&format!("topic-{number:02}")), SOON).await.unwrap();
    }
    cluster.join(2).await;
    // Its image is there a moment before raft counts it.
    let counted = async {
        while cluster.at(2).status().snapshot_index.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, counted).await.unwrap();
    assert_eq!(cluster.topics_at(2).len(), 20);
    cluster.join(3).await;
    cluster.vote(2).await;
    cluster.vote(3).await;
    // A voter that was away while the log was trimmed needs one too, and keeps its directory.
    cluster.stop(3).await;
    for number in 20..40 {
        cluster.at(1).submit(create(&format!("topic-{number:02}")), SOON).await.unwrap();
    }
    cluster.start(3, Birth::Again).await;
    cluster.at(3).catch_up(SOON).await.unwrap();
    assert_eq!(cluster.topics_at(3).len(), 40);
    cluster.stop(3).await;
    cluster.start(3, Birth::Again).await;
    for id in [1, 3] {
        cluster.at(id).catch_up(SOON).await.unwrap();
    }
    assert_eq!(cluster.topics_at(3), cluster.topics_at(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lead_is_handed_over_and_a_voter_removed_while_a_majority_stays() {
    let mut cluster = Cluster::of_three().await;
    let leader = cluster.leader().await;
    let to = (1..=3).map(BrokerId).find(|id| *id != leader.broker()).unwrap();
    // Asked of any member.
    let asked = cluster.at(to.0);
    cluster.change(asked, QuorumChange::Transfer(to), "patching").await;
    let next = cluster.leader().await;
    assert_eq!(next.broker(), to);
    // And told by any, once it knows whom to ask.
    let told = async {
        while !leader.describe_quorum().await.iter().all(|it| it.matched.is_some()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, told).await.unwrap();
    // A new leader counts on nobody whom it has not heard yet, and is asked again then.
    let remove = QuorumChange::RemoveVoter(leader.broker());
    cluster.change(asked, remove, "its disk is slow").await;
    assert_eq!(next.status().voters.len(), 2);
    assert_eq!(next.status().learners, [leader.broker()]);
    // Who is gone for good is no learner either.
    cluster.change(asked, QuorumChange::Forget(leader.broker()), "").await;
    assert!(next.quorum().iter().all(|it| it.broker != leader.broker()));
    // The history tells each of it and why, and who brought it about by voting.
    asked.catch_up(SOON).await.unwrap();
    let told: Vec<String> = asked.image().events().map(ToString::to_string).collect();
    let (from, to_id) = (leader.broker(), to);
    let over = format!(
        "quorum_transferred broker {to_id}: leads the quorum now, after broker {from} (patching)"
    );
    let less = format!("voter_removed broker {from}: [1,2,3] to ");
    let at = |what: &dyn Fn(&String) -> bool| told.iter().position(what);
    let lead = format!("controller_changed broker {to_id}: leads the quorum");
    let (changed, noted) = (at(&|it| it.contains(&lead)), at(&|it| it.ends_with(&over)));
    assert!(changed.is_some() && changed < noted, "{told:?}");
    assert!(told.iter().any(|it| it.contains(&less) && it.ends_with("(its disk is slow)")));
    // Of the two that are left neither can go while the other is away.
    let third = (1..=3).find(|id| *id != to.0 && *id != leader.broker().0).unwrap();
    cluster.stop(third).await;
    let heard = |it: &MemberStatus| it.broker.0 == third && it.answered.is_some_and(is_recent);
    let silent = async {
        while next.quorum().iter().any(heard) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, silent).await.unwrap();
    let refused = next.remove_voter(to, "").await.unwrap_err();
    assert!(refused.message.contains("no majority"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_loses_its_vote_hands_the_lead_over_first() {
    let cluster = Cluster::of_three().await;
    let leader = cluster.leader().await.broker();
    let asked = cluster.at(leader.0);
    cluster.change(asked, QuorumChange::RemoveVoter(leader), "").await;
    let next = cluster.leader().await;
    assert_ne!(next.broker(), leader);
    assert_eq!(next.status().learners, [leader]);
    // The history tells who leads before it tells what was done by that.
    next.catch_up(SOON).await.unwrap();
    let kinds: Vec<EventKind> = next.image().events().map(|it| it.kind).collect();
    let last = [EventKind::ControllerChanged, EventKind::VoterRemoved];
    assert!(kinds.ends_with(&last), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_another_cluster_or_for_another_broker_are_refused() {
    use kq_proto::cluster::v1;
    let cluster = Cluster::found(Trimming::default()).await;
    let identity = &cluster.at(1).inner.identity;
    let route = |cluster: &str, from, to| v1::Route { cluster_id: cluster.to_owned(), from, to };
    assert_eq!(identity.verify(Some(&route("test-cluster", 2, 1))).unwrap(), BrokerId(2));
    for wrong in [route("other", 2, 1), route("test-cluster", 2, 3), route("test-cluster", 1, 1)] {
        let refused = identity.verify(Some(&wrong)).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::FailedPrecondition, "{wrong:?}");
    }
    assert!(identity.verify(None).is_err());
}
