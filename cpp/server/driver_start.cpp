// How a node comes up: from its data directory, or from nothing with its first members.
#include <fmt/format.h>

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "server/clock.hpp"
#include "server/driver.hpp"
#include "server/http_pages.hpp"

namespace kvcluster::server {

namespace {

// What this node was told of its cluster.
raft::Configuration told_members(const NodeOptions& options) {
  raft::Configuration told;
  const auto add = [&told](NodeId id, std::string address) {
    raft::Member member;
    member.id = id;
    member.address = std::move(address);
    told.members.push_back(std::move(member));
  };
  add(options.id, {});
  for (const PeerAddress& peer : options.peers) {
    add(peer.id, net::Endpoint{peer.host, peer.port}.text());
  }
  std::ranges::sort(told.members, {}, &raft::Member::id);
  return told;
}

std::uint64_t payload_bytes(const std::vector<raft::Entry>& entries) {
  std::uint64_t bytes = 0;
  for (const raft::Entry& entry : entries) bytes += entry.payload.size();
  return bytes;
}

}  // namespace

Result<std::unique_ptr<Driver>> Driver::open(NodeOptions options) {
  KV_TRY(check(options));
  auto log = NodeLog::open(options);
  if (!log) return std::unexpected(std::move(log).error());
  std::unique_ptr<Driver> driver(new Driver(std::move(options), std::move(*log)));
  KV_TRY(driver->recover());
  KV_TRY(driver->listen());
  return driver;
}

Status Driver::recover() {
  const auto incarnation = random_id();
  const auto cluster_id = random_id();
  const auto hash_key = random_key();
  const auto seed = random_seed();
  if (!incarnation) return std::unexpected(incarnation.error());
  if (!cluster_id) return std::unexpected(cluster_id.error());
  if (!hash_key) return std::unexpected(hash_key.error());
  if (!seed) return std::unexpected(seed.error());
  seed_ = options_.seed != 0 ? options_.seed : *seed;

  fresh_incarnation_ = *incarnation;
  auto opened = open_storage();
  if (!opened) return std::unexpected(std::move(opened).error());
  raft::Restored& restored = opened->restored;
  const bool member = restored.applied > Index{} || !restored.entries.empty() || mark_;
  if (!member && store_->identity().cluster != replica::kNoCluster) {
    return fail(ErrorCode::kCorruption,
                fmt::format("{}: the directory belongs to a cluster but its log and checkpoint are "
                            "gone; restore them, or replace this node as a new member",
                            options_.data_dir));
  }
  membership_ =
      std::make_unique<Membership>(io_, turn_, options_, store_->identity(),
                                   Membership::Random{*cluster_id, *hash_key, seed_}, *log_);
  if (!member) return {};
  return start_engine(std::move(restored), opened->state_machine_meta);
}

Result<storage::OpenedStore> Driver::open_storage() {
  storage::StoreOptions options;
  options.path = options_.data_dir;
  options.node = options_.id;
  options.fresh_incarnation = fresh_incarnation_;
  options.told_members = told_members(options_);
  options.members_of = [](BytesView genesis) {
    const auto decoded = replica::decode_genesis(genesis);
    return decoded ? decoded->configuration : raft::Configuration{};
  };
  options.wal.segment_bytes = options_.wal_segment_bytes;
  auto opened = storage::Store::open(options);
  if (!opened) return opened;
  store_ = std::move(opened->store);
  mark_ = opened->mark;
  if (!opened->damage.empty()) {
    log_->critical("damaged: " + opened->damage, {{"event", "damaged"}});
  }
  log_->info(opened->fresh ? "new data directory" : "data directory opened",
             {{"event", "opened"},
              {"incarnation", replica::to_hex(store_->identity().incarnation)},
              {"term", opened->restored.hard_state.current_term},
              {"applied", opened->restored.applied},
              {"entries", std::uint64_t{opened->restored.entries.size()}},
              {"torn_bytes", opened->torn_bytes}});

  // What threads of a store that was closed since have to say is of no use.
  const std::uint64_t generation = ++store_opened_;
  wal_thread_ = std::make_unique<WalThread>(store_->wal(), [this, generation](WalReport report) {
    asio::post(io_, [this, generation, report = std::move(report)] {
      if (generation == store_opened_) on_wal_report(report);
    });
  });
  checkpointer_ = std::make_unique<Checkpointer>(
      *store_, options_.snapshot_chunk_bytes, [this](CheckpointerReport report) {
        {
          const std::scoped_lock lock(reports_mutex_);
          reports_.push_back(std::move(report));
        }
        asio::post(io_, [this] { take_checkpointer_report(); });
      });
  persistence_ = std::make_unique<Persistence>(store_->wal(), *wal_thread_);
  return opened;
}

// The threads end before what they work on.
void Driver::release_storage() {
  engine_.reset();
  persistence_.reset();
  wal_thread_.reset();
  checkpointer_.reset();
  reports_.clear();  // the only other user has just ended
  store_.reset();
}

Status Driver::listen() {
  front_ = std::make_unique<Front>(io_, turn_, *this);
  const auto client = [this](net::Incoming incoming) { front_->accept(std::move(incoming)); };
  const auto peer = [this](net::Incoming incoming) {
    membership_->network().accept(std::move(incoming));
  };
  net::ListenerOptions listen;
  listen.address = {options_.host, options_.port};
  listen.max_clients = options_.client_limits.max_connections;
  net::ListenerHandlers handlers;
  handlers.client = client;
  if (!options_.peer_port) handlers.peer = peer;
  auto listener = net::Listener::open(io_, listen, std::move(handlers));
  if (!listener) return std::unexpected(std::move(listener).error());
  client_listener_ = std::move(*listener);
  client_port_ = peer_port_ = client_listener_->address().port;
  if (options_.peer_port) {
    listen.address.port = *options_.peer_port;
    handlers = {};
    handlers.peer = peer;
    auto second = net::Listener::open(io_, listen, std::move(handlers));
    if (!second) return std::unexpected(std::move(second).error());
    peer_listener_ = std::move(*second);
    peer_port_ = peer_listener_->address().port;
  }
  if (options_.http_port) {
    auto http = HttpServer::open(
        io_, turn_, {options_.host, *options_.http_port},
        [this](BytesView path) { return http_page(path, *this, front_->counters()); });
    if (!http) return std::unexpected(std::move(http).error());
    http_ = std::move(*http);
    http_port_ = http_->port();
  }
  const std::string& reached_at = options_.advertised_host();
  client_address_ = net::Endpoint{reached_at, client_port_}.text();
  membership_->open(net::Endpoint{reached_at, peer_port_}.text(), client_address_);
  log_->info("listening on " + net::Endpoint{options_.host, client_port_}.text(),
             {{"event", "listening"},
              {"advertised", client_address_},
              {"clients", std::uint64_t{client_port_}},
              {"peers", std::uint64_t{peer_port_}},
              {"http", std::uint64_t{http_port_}}});
  return {};
}

replica::Options Driver::replica_options() const {
  replica::Options options;
  options.raft.self = options_.id;
  options.raft.election_timeout_min = options_.election_timeout_min;
  options.raft.election_timeout_max = options_.election_timeout_max;
  options.raft.heartbeat_interval = options_.heartbeat_interval;
  options.raft.lease_reads = options_.lease_reads;
  options.raft.priority = options_.priority;
  options.raft.retained_log_bytes = options_.retained_log_bytes;
  options.limits = options_.limits;
  options.forward_to_leader = options_.follower_mode == FollowerMode::kProxy;
  options.leader_wait = options_.patience_for_leader();
  options.request_timeout = options_.request_timeout;
  return options;
}

Driver::Engine::Engine(Driver& driver, std::unique_ptr<kv::StateMachine> machine,
                       raft::Restored restored, std::uint64_t log_bytes)
    : feed(driver.changes_),
      state(std::move(machine)),
      replica(driver.replica_options(), std::move(restored), *state, driver.seed_, monotonic_now()),
      checkpoints({driver.options_, *driver.log_, *driver.store_, *driver.checkpointer_,
                   *driver.persistence_, *state, replica},
                  state->applied(), log_bytes) {
  feed.restored(state->applied());
  state->observe(&feed);
}

// The genesis is durable before this node votes or acknowledges anything.
Status Driver::form(const replica::Genesis& genesis) {
  raft::Entry entry;
  entry.term = Term{1};
  entry.index = Index{1};
  entry.kind = raft::EntryKind::kGenesis;
  Bytes payload;
  replica::encode(genesis, payload);
  entry.payload = Slice::of(std::move(payload));

  raft::PersistBatch batch;
  batch.hard_state = raft::HardState{Term{1}, kNoNode, Index{1}};
  batch.entries.push_back(entry);
  KV_TRY(store_->wal().append(batch));
  KV_TRY(store_->wal().sync());
  log_->info("the cluster is formed", {{"event", "formed"},
                                       {"cluster", replica::to_hex(genesis.cluster_id)},
                                       {"members", genesis.configuration.members.size()}});

  raft::Restored restored;
  restored.hard_state = *batch.hard_state;
  restored.entries = std::move(batch.entries);
  return start_engine(std::move(restored), {});
}

// Requires: `restored` is not empty, or a repair is under way.
Status Driver::start_engine(raft::Restored restored, BytesView state_machine_meta) {
  std::optional<replica::Genesis> genesis;  // none: lost with a damaged log
  auto state = std::make_unique<kv::StateMachine>(store_->table());
  if (!state_machine_meta.empty()) {
    KV_TRY(state->restore(state_machine_meta));
    if (std::string wrong = judge_state(*state); !wrong.empty()) {
      log_->critical("damaged: " + wrong, {{"event", "damaged"}});
      storage::RepairMark mark;
      mark.floor = store_->wal().last();
      mark.configuration = std::move(restored.configuration);
      mark.genesis = Bytes(state->genesis_payload());
      state.reset();
      return give_up(std::move(mark), std::move(wrong));
    }
  }
  const BytesView payload = mark_                        ? BytesView(mark_->genesis)
                            : state_machine_meta.empty() ? restored.entries.front().payload.view()
                                                         : state->genesis_payload();
  if (!payload.empty()) {
    auto decoded = replica::decode_genesis(payload);
    if (!decoded) return std::unexpected(std::move(decoded).error());
    genesis = std::move(*decoded);
    if (restored.configuration.members.empty()) restored.configuration = genesis->configuration;
    // The log is durable before the cluster's id is noted; a crash between the two is made good
    // here.
    KV_TRY(store_->set_cluster(genesis->cluster_id));
  }
  if (mark_) KV_TRY(announce_repair());

  const std::uint64_t log_bytes = payload_bytes(restored.entries);
  engine_ = std::make_unique<Engine>(*this, std::move(state), std::move(restored), log_bytes);
  membership_->joined(store_->identity().cluster, genesis, engine_->replica, mark_.has_value());
  phase_ = mark_ ? Phase::kRepairing : Phase::kServing;
  refusing_writes_ = false;  // the new replica has not been told yet
  return {};
}

}  // namespace kvcluster::server
