// Simulated clients: they ask, wait, retry where they may, and write down what they were told.
//
// A client has a session (KV.ONCE with a client id and a sequence number), whose commands it
// repeats on any node until it has an answer. A write outside the session is never repeated once it
// may have been appended: its outcome is then unknown for ever.
//
// Thread-safety: none; one simulation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "check/history.hpp"
#include "kv/state_machine.hpp"
#include "sim/node.hpp"

namespace kvcluster::sim {

struct ClientCounters {
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;  // certainly not applied
  std::uint64_t unknown = 0;
};

class Clients final : public CompletionSink {
 public:
  Clients(const Profile& profile, std::uint64_t seed, Scheduler& scheduler, Trace& trace,
          Coverage& coverage, Invariants& invariants);
  void attach(std::vector<Node*> nodes) { nodes_ = std::move(nodes); }

  void begin();
  // They ask nothing new; what is open goes on.
  void stop() { stopped_ = true; }
  [[nodiscard]] bool idle() const { return open_.empty(); }
  void set_burst(std::uint64_t factor) { burst_ = factor; }
  // From now on only these nodes are asked.
  void prefer(std::vector<std::uint8_t> nodes) { preferred_ = std::move(nodes); }

  void on_event(const Event& event);
  void completed(std::uint8_t node, replica::Completion completion) override;
  void connections_lost(std::uint8_t node) override;

  // The last write that a client was told of as applied.
  [[nodiscard]] Instant last_write_answered() const { return last_write_answered_; }
  [[nodiscard]] const ClientCounters& counters() const { return counters_; }
  // What is still open ends with an unknown outcome.
  [[nodiscard]] check::History take_history();
  // Every appended tag stands there at most once, and once if its client was told so.
  void check_one_effect(std::uint8_t node, const kv::StateMachine& state);

 private:
  struct Client {
    std::string session;
    std::uint64_t sequence = 0;
    Random random;
    std::uint8_t node = 1;
    std::uint64_t connection = 0;
    std::uint32_t open = 0;
    bool once_open = false;
    Index seen{};
    std::map<Bytes, std::uint64_t> revisions{};  // of keys, as last told
    std::uint64_t appended = 0;
  };
  struct Request {
    std::uint32_t client = 0;
    check::Operation record;
    Bytes encoded;
    replica::RequestBatch::Mode mode = replica::RequestBatch::Mode::kRead;
    Index min_index;
    bool once = false;
    bool judged = true;  // goes into the history
    bool is_open = true;
    bool maybe_applied = false;
    bool delivered = false;
    std::uint32_t attempt = 0;
    std::uint8_t node = 0;
    std::uint64_t known_revision = 0;  // a local read: what its client has seen of the key
    std::string tag;                   // APPEND
    Instant deadline;
  };
  struct Tag {
    std::string tag;
    bool answered = false;
  };

  // clients.cpp
  void wake(std::uint32_t client);
  void send(std::uint64_t number);
  void again(std::uint64_t number, Duration delay);
  void lost(std::uint64_t number, bool delivered);
  // A node has it, or had it, and what became of it is not known.
  static void without_answer(Request& request);
  void replied(std::uint64_t number, const replica::Completion& completion);
  void told(std::uint64_t number, const replica::Completion& completion);
  void finish(std::uint64_t number, check::Outcome outcome);
  void note(const Request& request, check::Outcome outcome);
  void move(Client& client, std::uint8_t away_from);
  [[nodiscard]] Event event(EventKind kind, std::uint64_t number) const;
  [[nodiscard]] Duration latency(Random& random) const;

  // workload.cpp
  [[nodiscard]] Request make_request(std::uint32_t client);
  void encode(Request& request, std::vector<Bytes> words);
  void make_transaction(Request& request, Client& client, const Bytes& prefix);
  // Takes the reply into the record. False: it is an error.
  [[nodiscard]] bool take_reply(Request& request, const kv::Reply& reply, Index index);
  [[nodiscard]] static bool take_action(check::Action& action, const kv::Reply& reply);

  const Profile& profile_;
  Scheduler& scheduler_;
  Trace& trace_;
  Coverage& coverage_;
  Invariants& invariants_;
  std::vector<Node*> nodes_;  // by id
  std::vector<Client> clients_;
  std::vector<Request> requests_;
  std::vector<std::uint64_t> open_;  // numbers of requests
  std::vector<std::uint8_t> preferred_;
  Pool<replica::Completion> replies_;
  check::History history_;
  std::map<Bytes, std::vector<Tag>> tags_;  // by key
  std::uint64_t connections_ = 0;
  std::uint64_t burst_ = 1;
  bool stopped_ = false;
  Instant last_write_answered_{};
  ClientCounters counters_;
};

}  // namespace kvcluster::sim
