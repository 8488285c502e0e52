// The state of the consensus core and the verbs on it. One file a message or a duty:
//
//   step.cpp                 one event in, its effects gathered and handed out
//   election.cpp             timeouts, pre-vote, campaign, becoming a follower
//   recv_vote.cpp            RequestVote and its reply
//   leadership.cpp           becoming a leader, ticks, check-quorum, transfer, priority
//   replicate.cpp            proposals, AppendEntries out, commit
//   recv_append_entries.cpp  the follower's side of them (append_checks.cpp: is it well-formed?)
//   recv_append_reply.cpp    the leader's side of the answers
//   read_index.cpp           rounds that confirm reads;  lease.cpp: reads without a round
//   snapshot_transfer.cpp    a snapshot out;  snapshot_install.cpp: a snapshot in
//   invariants.cpp           what must hold after every step
//   status.cpp               what others may see
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "raft/core.hpp"
#include "raft/log.hpp"
#include "raft/persist_tracker.hpp"
#include "raft/progress.hpp"

namespace kvcluster::raft {

struct KnownPeer {
  NodeId id;
  std::uint32_t priority = 0;
};

struct Vote {
  NodeId from;
  bool granted = false;
};

struct PendingRead {
  std::uint64_t id = 0;
  std::uint64_t round = 0;  // 0: not yet part of a round
  Index index;              // commit_index when the round was opened
  bool confirmed = false;   // under a lease
};

// When a read round was opened: nothing that belongs to it left before.
struct LeaseRound {
  std::uint64_t number = 0;
  Instant opened;
};

// A snapshot on its way in.
struct Receiving {
  EntryId last;
  std::uint64_t next_offset = 0;
  bool storing = false;         // a chunk is with the owner
  bool final = false;           // and it is the last one: the state machine is about to be replaced
  Configuration configuration;  // known with the last chunk
};

// A configuration and the index of the entry that made it effective.
struct EffectiveConfiguration {
  Index since;
  Configuration configuration;
};

struct Core::Impl {
  Impl(const Config& config_in, Restored restored, std::uint64_t seed, Instant start);

  // --- state -----------------------------------------------------------------------------------

  Config config;
  Random random;
  Instant now;

  // Persistent (dissertation, figure 3.1); `log` likewise.
  Term term;
  NodeId voted_for;
  Log log;
  PersistTracker tracker;
  std::uint64_t hard_state_sequence = 0;  // the batch that makes term and vote durable
  std::optional<EntryId> repair_floor;

  Index commit_index;
  Index emitted;  // handed out as committed; Invariant: applied <= emitted <= commit_index
  Index applied;
  // Ascending; never empty; the last one is in force, the others wait for a truncation.
  std::vector<EffectiveConfiguration> configurations;

  Role role = Role::kFollower;
  NodeId leader;
  std::vector<KnownPeer> known_peers;

  // Followers and candidates.
  Instant last_heard;  // from the leader of this term
  // Since then there are entries beyond the commit index, and it stands still; empty: there are
  // none.
  std::optional<Instant> uncommitted_since;
  Instant election_deadline;
  Duration election_timeout{};
  bool leader_lost = false;      // the deadline stands for a closed connection
  unsigned quick_retries = 0;    // left, after the leader's connection closed
  bool quick_retry_due = false;  // this attempt was refused and will be repeated soon
  std::vector<Vote> votes;
  std::uint64_t self_vote_sequence = 0;  // the batch with the own vote; 0: counted or none
  std::optional<Receiving> receiving;

  // Leader.
  std::vector<Progress> progress;  // ascending by id, without this node
  Index first_own_index;           // its no-op
  Instant heartbeat_deadline;
  bool heartbeat_due = false;
  Instant commit_notice_deadline = Instant::max();  // max: every follower was told
  std::uint64_t read_round = 0;                     // never goes back while the process lives
  bool round_opened = false;
  std::vector<PendingRead> reads;
  std::deque<LeaseRound> lease_rounds;  // ascending; bounded
  bool lease_given_up = false;          // another was asked to campaign in this term
  NodeId transfer_to;
  Instant transfer_deadline;
  bool timeout_now_sent = false;
  // The last hand-over for priority's sake, and how long the next one waits. They outlive the lead.
  std::optional<Instant> preferred_at;
  Duration preference_pause{};

  // What this step has gathered.
  Effects out;
  std::optional<EntryId> log_reset;
  bool hard_state_changed = false;
  std::optional<Index> truncate_from;
  std::vector<Entry> unwritten;
  std::vector<Message> after_persist;

  // --- step.cpp --------------------------------------------------------------------------------

  Effects step(Instant at, Event event);
  void on(Tick);
  void on(Receive event);
  void on(Propose event);
  void on(Persisted event);
  void on(ReadRequest event);
  void on(PeerConnected event);
  void on(PeerLost event);
  void on(Applied event);
  void on(Compact event);
  void on(SnapshotChunk event);
  void on(SnapshotUnavailable event);
  void on(SnapshotStored event);
  void on(TransferLeadership event);

  // Takes a newer term over; answers an older one. False: the message is done with.
  bool admit_term(const Message& message);
  // Up to where the state machine may apply now.
  [[nodiscard]] Index committed_target() const;
  void collect_committed();
  void collect_persist();
  // What of the commit index the hard state of a batch with these entries may tell.
  [[nodiscard]] Index commit_before(const std::vector<Entry>& appended) const;
  Effects finish();

  void send_now(NodeId to, Body body);
  // Sent when all that this step writes, and all before, is durable.
  void send_after_persist(NodeId to, Body body);
  // An answer that reveals the term and vouches for the log up to `vouches`: it leaves at once only
  // if both are durable already.
  void answer(NodeId to, Body body, Index vouches = Index(0));
  void trace(Trace::Kind kind, NodeId peer = kNoNode, std::uint64_t value = 0,
             const char* detail = "");

  // Term and vote: durable before anything that depends on them leaves.
  void set_hard_state(Term new_term, NodeId vote);
  [[nodiscard]] bool hard_state_durable() const;
  void append(Entry entry);
  void truncate(Index from);
  void clear_repair_floor();
  [[nodiscard]] const Configuration& configuration() const;
  [[nodiscard]] bool is_voter(NodeId id) const { return configuration().is_voter(id); }
  [[nodiscard]] std::uint32_t priority_of(NodeId id) const;
  // Calls visit(id) for every voter but this node.
  template <typename Visit>
  void for_each_other_voter(Visit&& visit) const {
    for (const Member& member : configuration().members) {
      if (member.role == MemberRole::kVoter && member.id != config.self) visit(member.id);
    }
  }

  // --- election.cpp ----------------------------------------------------------------------------

  void restart_election_timer();
  void heard_from_leader(NodeId from);
  // The leader was heard within the shortest election timeout and its connection stands (4.2.3).
  [[nodiscard]] bool hears_leader() const;
  void watch_commit(Index commit_before);
  [[nodiscard]] bool leader_is_stuck() const;
  [[nodiscard]] bool may_campaign() const;
  [[nodiscard]] bool disk_stalled() const;
  void become_follower(Term new_term, NodeId new_leader, const char* why);
  void election_timed_out();
  void become_pre_candidate();
  void become_candidate(bool transfer);
  void count_vote(NodeId from, bool granted);
  [[nodiscard]] bool won() const;
  void refused_once();

  // --- recv_vote.cpp ---------------------------------------------------------------------------

  void receive_vote_request(const Message& message, const RequestVote& request);
  void pre_vote(NodeId from, Term for_term, const RequestVote& request);
  void vote(NodeId from, const RequestVote& request);
  // Why a vote for a candidate with this log is refused for this node's sake; null: it is not.
  [[nodiscard]] const char* objection(EntryId last_log) const;
  void receive(NodeId from, const VoteReply& reply);

  // --- leadership.cpp --------------------------------------------------------------------------

  void become_leader();
  // Followers come and go with the configuration.
  void match_progress_to_configuration();
  [[nodiscard]] Progress* find_progress(NodeId id);
  [[nodiscard]] bool ready() const;
  void tick_leader();
  [[nodiscard]] bool recently_active(const Progress& peer) const;
  [[nodiscard]] bool has_active_quorum() const;
  void watch_health(Progress& peer);
  void start_transfer(NodeId to);
  void stop_transfer();
  // Sends TimeoutNow as soon as the target holds the whole log.
  void advance_transfer();
  [[nodiscard]] NodeId best_transfer_target() const;
  void prefer_priority();
  // Not again so soon: who was preferred last may not have been able to hold the lead.
  [[nodiscard]] bool preference_rests() const;
  void receive(NodeId from, const TimeoutNow&);

  // --- replicate.cpp ---------------------------------------------------------------------------

  [[nodiscard]] bool may_propose() const;
  void propose(EntryKind kind, Slice payload);
  void replicate();
  bool replicate_to(Progress& peer);
  void send_append(Progress& peer, std::size_t max_bytes);
  void send_empty_append(Progress& peer);
  // It holds entries of which it was not told that they are committed.
  [[nodiscard]] bool commit_untold(const Progress& peer) const;
  void advance_commit();

  // --- recv_append_entries.cpp, recv_append_reply.cpp ------------------------------------------

  void receive(NodeId from, AppendEntries& request);
  void refuse_append(NodeId from, const AppendEntries& request);
  void receive(NodeId from, const AppendReply& reply);
  void append_rejected(Progress& peer, const AppendReply& reply);
  void note_caught_up(Progress& peer);

  // --- read_index.cpp --------------------------------------------------------------------------

  void open_read_round();
  void resolve_reads();
  void fail_reads();
  void round_answered(Progress& peer, std::uint64_t round);

  // --- lease.cpp -------------------------------------------------------------------------------

  // Until then this node elects nobody, unless the leader asks for it; Instant::min(): no leases.
  [[nodiscard]] Instant promised_until() const;
  [[nodiscard]] bool promised() const { return now < promised_until(); }
  // What an answer to the leader promises.
  [[nodiscard]] Duration promise() const;
  // Leader: with every heartbeat, and at once when elected.
  void open_lease_round();
  void note_round();
  void promise_received(Progress& peer, const AppendReply& reply);
  [[nodiscard]] Instant lease_until() const;
  [[nodiscard]] bool lease_holds() const;
  void end_lease();

  // --- snapshot_transfer.cpp, snapshot_install.cpp ---------------------------------------------

  void begin_snapshot(Progress& peer);
  void request_chunk(Progress& peer);
  void send_chunk(Progress& peer);
  void start_over(Progress& peer);
  void tick_snapshot(Progress& peer);
  void receive(NodeId from, const SnapshotReply& reply);
  void receive(NodeId from, const InstallSnapshot& request);
  void install(EntryId last, Configuration snapshot_configuration);

  // --- invariants.cpp, status.cpp --------------------------------------------------------------

  // What a step may only move in one direction.
  struct Before {
    Role role;
    Term term;
    NodeId voted_for;
    NodeId leader;
    Index commit_index;
    Index applied;
    Index last_index;
  };
  [[nodiscard]] Before before() const;
  void check_invariants(const Before& then) const;
  [[nodiscard]] CoreStatus status() const;
  [[nodiscard]] Instant next_deadline() const;
};

// Is this AppendEntries what an honest leader of `term` can send?
[[nodiscard]] bool well_formed(const AppendEntries& request, Term term);

}  // namespace kvcluster::raft
