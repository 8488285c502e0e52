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
#include <optional>
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
  // An XREAD BLOCK is under way: blocked(), for as long as the client likes.
  [[nodiscard]] bool waiting() const { return stream_read_.has_value(); }
  // One of the streams that it waits for has changed: answers when there is something newer.
  void retry_stream_read();
  // Nothing when it does not wait (yet). `answer`: nil when its time is over, or an error.
  void end_stream_read(const kv::Reply& answer);
  // Waits on a linearizable connection, which needs a quorum to be there.
  [[nodiscard]] bool waits_for_cluster() const { return waiting() && !stream_read_->local; }
  // Pushes to whoever watches keys, until the output has grown by `room`. `progress`: also marks of
  // progress. False: there may be more.
  bool tell_changes(const replica::ChangeRing& ring, std::size_t room, bool progress);
  // No reply is due.
  [[nodiscard]] bool idle() const { return replies_.empty(); }
  [[nodiscard]] std::size_t pending_replies() const { return replies_.size(); }
  // Bytes of replies that wait for one before them.
  [[nodiscard]] std::size_t held_bytes() const { return replies_.held_bytes(); }
  // Takes no more commands, and waits for no stream any more.
  void stop();

  [[nodiscard]] const ClientState& client() const { return client_; }
  // Has done what the time limit for strangers asks: a whole command, and AUTH where it is needed.
  [[nodiscard]] bool established() const { return client_.authenticated && spoke_; }

 private:
  // A request's id: the connection, then the number of its reply modulo 2^24.
  static constexpr unsigned kNumberBits = 24;
  static constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kNumberBits) - 1;

  void execute(Args args);
  void run_local(const LocalCommand& command, Args args);
  void run_verb(SessionVerb verb, Args args);
  void run_data(Args args);
  void answer(std::uint64_t id, const ReplyQueue::Waiting& waiting, const kv::Reply& reply);
  void queue_data(Args args);
  void queue_local(const LocalCommand& command, Args args);

  void run_exec();
  void run_watch(Args args);
  void run_scan(Args args);
  void run_hash(Args args);
  void run_reset();

  // session_watches.cpp
  void run_key_watch(Args args);
  void run_key_unwatch(Args args);
  bool tell(KeyWatch& watch, const replica::ChangeRing& ring, std::size_t most, Bytes& out);

  // session_streams.cpp
  void begin_stream_read(BytesView encoded, std::int64_t block_ms, bool local);
  // The read's own completion: true when it found nothing and the client waits now.
  [[nodiscard]] bool wait_for_stream(std::uint64_t id, const kv::Reply& answer);

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
  // XREAD BLOCK, from the command to its reply: nothing is parsed meanwhile.
  struct StreamRead {
    Bytes request;         // encoded
    bool local = false;    // READONLY
    Instant deadline;      // Instant::max(): none
    bool ending = false;   // no more waiting: the client is gone, or the node stops
    std::uint64_t id = 0;  // of the request
    bool parked = false;   // it found nothing, and is among the node's waits
    Bytes resumed{};       // then: what to ask this node's state
  };
  std::optional<StreamRead> stream_read_;
  Bytes watch_changes_;  // kept for its memory
  // By request id: what EXEC puts between the applied commands' replies.
  std::map<std::uint64_t, LocalReplies> exec_local_replies_;
};

}  // namespace kvcluster::server
