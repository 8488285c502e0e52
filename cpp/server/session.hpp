// One client's conversation: commands in, replies out, in order. Knows no socket: its owner feeds
// it bytes and sends what it appends to the output.
//
// A data command is encoded straight into the batch of this turn and keeps a place in the reply
// queue; a local command is answered at once, behind the replies that are still due.
//
// Thread-safety: none; the reactor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "kv/reply.hpp"
#include "replica/replica.hpp"
#include "server/client_state.hpp"
#include "server/command_dispatch.hpp"
#include "server/reply_queue.hpp"
#include "server/session_context.hpp"
#include "server/transaction.hpp"
#include "wire/resp_parser.hpp"

namespace kvcluster::server {

class Session {
 public:
  // `context` and `output` must outlive the session. Ids are unique while the node runs, and below
  // 2^40.
  Session(std::uint64_t id, std::string address, SessionContext& context, Bytes& output);

  // Runs the commands in `input`, which begins with the first byte that was not used up before.
  // Stops early when blocked() or closing(). Returns how many bytes were used up.
  [[nodiscard]] std::size_t feed(BytesView input);

  // One completion of this session's; others are ignored.
  void complete(replica::Completion completion);

  // The id of the connection that a completion belongs to.
  [[nodiscard]] static std::uint64_t connection_of(std::uint64_t completion_id);

  // Takes no more input before a completion: the pipeline is full, or the next command depends on
  // a reply (WATCH).
  [[nodiscard]] bool blocked() const;
  // Takes no more input at all; to be closed once idle() and all output is sent.
  [[nodiscard]] bool closing() const { return client_.closing; }
  // No reply is due.
  [[nodiscard]] bool idle() const { return replies_.empty(); }
  [[nodiscard]] std::size_t pending_replies() const { return replies_.size(); }
  // Bytes of replies that wait for one before them.
  [[nodiscard]] std::size_t held_bytes() const { return replies_.held_bytes(); }
  // Takes no more commands.
  void stop() { client_.closing = true; }

  [[nodiscard]] const ClientState& client() const { return client_; }
  // Has done what the time limit for strangers asks: a whole command, and AUTH where it is needed.
  [[nodiscard]] bool established() const { return client_.authenticated && spoke_; }

 private:
  void execute(Args args);
  void run_local(const LocalCommand& command, Args args);
  void run_verb(SessionVerb verb, Args args);
  void run_data(Args args);
  void queue_data(Args args);
  void queue_local(const LocalCommand& command, Args args);

  void run_exec();
  void run_watch(Args args);
  void run_scan(Args args);
  void run_hash(Args args);
  void run_reset();

  // Why this node cannot take such a request now, as an error text; nullopt when it can.
  [[nodiscard]] std::optional<std::string> refusal(bool linearizable, std::uint16_t slot) const;
  [[nodiscard]] std::uint16_t slot_of(BytesView key) const;
  // The request that was just encoded into the batch becomes one of this turn.
  std::uint64_t commit(replica::RequestBatch::Mode mode, ReplyKind kind, std::uint16_t slot);
  [[nodiscard]] replica::RequestBatch::Mode read_mode() const;

  // A reply that is known at once.
  void reply(const kv::Reply& reply);
  void reply_ok();
  void reply_error(BytesView text);
  // Makes the final reply out of a completion's.
  [[nodiscard]] kv::Reply finish(const ReplyQueue::Waiting& waiting, std::uint64_t id,
                                 kv::Reply reply);
  void count_error(const kv::Reply& reply);
  void apply_limits();

  SessionContext& context_;
  ClientState client_;
  ReplyQueue replies_;
  wire::RespParser parser_;
  Transaction transaction_;
  bool spoke_ = false;
  bool limits_authenticated_ = false;  // which limits the parser has

  // WATCH whose revisions are on their way: nothing is parsed meanwhile.
  bool watching_ = false;
  std::vector<Bytes> watch_keys_;
  // By request id: what EXEC puts between the applied commands' replies.
  std::map<std::uint64_t, LocalReplies> exec_local_replies_;
};

}  // namespace kvcluster::server
