#include "bench/load.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>

#include "bench/arrivals.hpp"
#include "bench/clocks.hpp"
#include "bench/link.hpp"
#include "client/cluster_client.hpp"
#include "kv/reply.hpp"

namespace kvcluster::bench {
namespace {

// Far away, with room to add to.
constexpr Nanos kNever = std::numeric_limits<Nanos>::max() / 2;
constexpr Nanos kReopenAfter = 1'000'000;
constexpr Nanos kDrain = 5'000'000'000;        // for what is on the way at the end
constexpr Nanos kFirstReply = 10'000'000'000;  // then a run without any answer is given up
constexpr std::size_t kReadBytes = 256U << 10U;

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options),
        workload_(options.workload),
        tally_(options.gap_at_least.count()),
        buffer_(kReadBytes),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        wait_text_(
            fmt::format("*3\r\n$4\r\nWAIT\r\n$1\r\n{}\r\n$4\r\n1000\r\n", options.wait_replicas)) {}
  ~Load() { ::close(epoll_); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  Result<Tally> run() {
    KV_TRY(prepare());
    begin();
    while (!finished()) KV_TRY(turn());
    conclude();
    return std::move(tally_);
  }

 private:
  Status prepare() {
    for (const client::Address& node : options_.nodes) {
      auto target = Target::resolve(node);
      if (!target) return std::unexpected(std::move(target).error());
      targets_.push_back(*target);
    }
    for (std::size_t i = 0; i < options_.connections; ++i) {
      // One more for the WAIT behind a batch.
      links_.push_back(std::make_unique<Link>(options_.depth + 1));
      links_.back()->node = options_.begin_with_first ? 0 : i % targets_.size();
    }
    return {};
  }

  void begin() {
    now_ = now_ns();
    began_ = now_;
    measure_from_ = now_ + options_.warmup.count();
    measure_to_ =
        options_.duration.count() > 0 ? measure_from_ + options_.duration.count() : kNever;
    if (options_.rate_per_second > 0) {
      arrivals_.emplace(options_.rate_per_second, options_.connections, now_);
    }
    for (auto& link : links_) link->reopen_at = now_;
    to_reopen_ = links_.size();
  }

  [[nodiscard]] bool stopping() const {
    return now_ >= measure_to_ || (options_.requests > 0 && issued_ >= options_.requests) ||
           (options_.interrupted != nullptr && options_.interrupted->load());
  }

  [[nodiscard]] bool finished() const {
    return stopping() && (on_the_way_ == 0 || now_ >= std::min(measure_to_, stopped_at_) + kDrain);
  }

  Status turn() {
    if (stopping()) {
      stopped_at_ = std::min(stopped_at_, now_);
    } else {
      if (to_reopen_ > 0) KV_TRY(reopen());
      if (arrivals_) send_due();
      if (!answered_ && now_ > began_ + kFirstReply) {
        return fail(ErrorCode::kUnavailable, "no answer within 10 s");
      }
    }
    if (!cpu_from_ && now_ >= measure_from_) cpu_from_ = cpu_seconds();
    std::array<epoll_event, 256> events{};
    const int count = wait(events);
    now_ = now_ns();
    for (int i = 0; i < count; ++i) {
      handle(*static_cast<Link*>(events[static_cast<std::size_t>(i)].data.ptr),
             events[static_cast<std::size_t>(i)].events);
    }
    return {};
  }

  int wait(std::array<epoll_event, 256>& events) {
    Nanos until = std::min(measure_to_, now_ + 100'000'000);
    if (now_ >= measure_to_) until = now_ + 10'000'000;
    if (to_reopen_ > 0) until = std::min(until, now_ + kReopenAfter);
    if (arrivals_ && !stopping()) until = std::min(until, arrivals_->next_due(now_));
    const Nanos left = std::max<Nanos>(until - now_ns(), 0);
    const timespec time{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    return epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &time, nullptr);
  }

  Status reopen() {
    for (auto& link : links_) {
      if (link->is_open() || now_ < link->reopen_at) continue;
      const auto begun = link->open(targets_[link->node]);
      if (!begun) return std::unexpected(begun.error());
      if (!*begun) {
        link->node = another_node(*link);
        link->reopen_at = now_ + kReopenAfter;
        continue;
      }
      --to_reopen_;
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT;
      event.data.ptr = link.get();
      link->watched_for_room = true;
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, link->socket(), &event) != 0) {
        return fail(ErrorCode::kIo, "epoll_ctl refused a socket");
      }
      // What an open loop owes is not taken back by a lost connection; it is sent late instead.
      if (!arrivals_) ask_batch(*link);
    }
    return {};
  }

  void handle(Link& link, std::uint32_t events) {
    if (!link.is_open()) return;
    bool lost = false;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
      const std::string_view bytes = link.receive(buffer_, lost);
      if (!lost && !bytes.empty()) lost = !take_replies(link, bytes);
    }
    if (!lost && link.is_open()) lost = !send(link);
    if (lost) drop(link, another_node(link));
  }

  // False: what came is no RESP.
  bool take_replies(Link& link, std::string_view bytes) {
    bool expected = true;
    const bool parsed = link.replies.feed(bytes, [&](ReplyKind kind, std::string_view text) {
      if (link.waiting() == 0) {
        expected = false;
        return;
      }
      take_reply(link, kind, text);
    });
    if (moved_to_) {
      const std::size_t node = *moved_to_;
      moved_to_.reset();
      drop(link, node);
      return true;
    }
    if (!parsed || !expected) return false;
    if (!arrivals_ && link.waiting() == 0 && !stopping()) ask_batch(link);
    return true;
  }

  void take_reply(Link& link, ReplyKind kind, std::string_view text) {
    answered_ = true;
    const Asking asking = link.pop();
    --on_the_way_;
    if (asking.role == Role::kWait) {
      confirm_held(link, kind, text);
    } else if (kind == ReplyKind::kError) {
      if (text.starts_with("MOVED ")) follow(text);
      if (measured(asking)) tally_.add_error(text);
    } else {
      if (kind == ReplyKind::kNull && measured(asking)) tally_.add_null();
      if (options_.wait_replicas > 0) {
        link.held.push_back(asking);
      } else {
        complete(asking);
      }
    }
  }

  void confirm_held(Link& link, ReplyKind kind, std::string_view text) {
    std::uint32_t replicas = 0;
    std::from_chars(text.data(), text.data() + text.size(), replicas);
    const bool enough = kind == ReplyKind::kValue && replicas >= options_.wait_replicas;
    for (const Asking& asking : link.held) {
      if (enough) {
        complete(asking);
      } else if (measured(asking)) {
        tally_.add_error("WAIT");
      }
    }
    link.held.clear();
  }

  void complete(const Asking& asking) {
    ++tally_.in_all;
    if (asking.role == Role::kWrite) tally_.acknowledged(now_);
    if (measured(asking)) tally_.add(asking.began, now_);
    if (now_ >= measure_from_ && now_ < measure_to_) {
      ++tally_.completed;
      last_completed_ = now_;
    }
  }

  [[nodiscard]] bool measured(const Asking& asking) const {
    return asking.began >= measure_from_ && asking.began < measure_to_;
  }

  void follow(std::string_view text) {
    const auto leader = client::leader_named_by(kv::Reply::error(std::string(text)));
    if (!leader) return;
    const auto known = std::find(options_.nodes.begin(), options_.nodes.end(), *leader);
    if (known == options_.nodes.end()) return;  // only the nodes that were named are asked
    moved_to_ = static_cast<std::size_t>(known - options_.nodes.begin());
  }

  // In turn: the connections of a lost node go to all others alike.
  std::size_t another_node(const Link& link) {
    const std::size_t others = std::max<std::size_t>(targets_.size() - 1, 1);
    return (link.node + 1 + rotation_++ % others) % targets_.size();
  }

  void drop(Link& link, std::size_t next_node) {
    auto lost = static_cast<std::uint64_t>(std::ranges::count_if(
        link.held, [this](const Asking& asking) { return measured(asking); }));
    on_the_way_ -= link.waiting();
    while (link.waiting() > 0) lost += measured(link.pop()) ? 1 : 0;
    tally_.add_error("closed", lost);
    link.close();
    link.node = next_node;
    link.reopen_at = now_ + kReopenAfter;
    ++to_reopen_;
  }

  void ask(Link& link, Nanos began) {
    const Asked asked = workload_.append_next(link.out);
    link.push({.began = began, .role = asked == Asked::kWrite ? Role::kWrite : Role::kRead});
    ++on_the_way_;
    if (began >= measure_from_) ++issued_;
  }

  void ask_wait(Link& link, Nanos began) {
    if (options_.wait_replicas == 0) return;
    link.out.append(wait_text_);
    link.push({.began = began, .role = Role::kWait});
    ++on_the_way_;
  }

  void ask_batch(Link& link) {
    for (std::size_t i = 0; i < options_.depth; ++i) ask(link, now_);
    ask_wait(link, now_);
  }

  void send_due() {
    for (std::size_t lane = 0; lane < links_.size(); ++lane) {
      Link& link = *links_[lane];
      if (!link.is_open()) continue;
      const std::uint64_t due = arrivals_->due_count(lane, now_);
      const bool idle = link.waiting() == 0;
      bool asked = false;
      while (link.turns < due && link.waiting() < options_.depth &&
             (options_.wait_replicas == 0 || idle)) {
        ask(link, arrivals_->due(lane, link.turns++));
        asked = true;
      }
      if (!asked) continue;
      ask_wait(link, now_);
      if (!send(link)) drop(link, another_node(link));
    }
  }

  // False: the connection is lost.
  bool send(Link& link) {
    if (!link.flush()) return false;
    if (link.has_unsent() != link.watched_for_room) {
      link.watched_for_room = link.has_unsent();
      epoll_event event{};
      event.events = link.watched_for_room ? EPOLLIN | EPOLLOUT : EPOLLIN;
      event.data.ptr = &link;
      return epoll_ctl(epoll_, EPOLL_CTL_MOD, link.socket(), &event) == 0;
    }
    return true;
  }

  void conclude() {
    for (auto& link : links_) {
      while (link->waiting() > 0) {
        if (measured(link->pop())) tally_.add_error("unanswered");
      }
    }
    const Nanos end = measure_to_ != kNever && stopped_at_ >= measure_to_
                          ? measure_to_
                          : std::max(last_completed_, measure_from_);
    tally_.seconds = static_cast<double>(end - measure_from_) * 1e-9;
    tally_.cpu_seconds = cpu_seconds() - cpu_from_.value_or(cpu_seconds());
  }

  const LoadOptions& options_;
  Workload workload_;
  Tally tally_;
  std::vector<char> buffer_;
  int epoll_;
  std::string wait_text_;
  std::vector<Target> targets_;
  std::vector<std::unique_ptr<Link>> links_;
  std::optional<Arrivals> arrivals_;
  std::optional<std::size_t> moved_to_;
  std::optional<double> cpu_from_;
  std::uint64_t on_the_way_ = 0;
  std::uint64_t issued_ = 0;  // inside the measured time
  std::size_t to_reopen_ = 0;
  std::size_t rotation_ = 0;
  bool answered_ = false;
  Nanos now_ = 0;
  Nanos began_ = 0;
  Nanos measure_from_ = 0;
  Nanos measure_to_ = kNever;
  Nanos stopped_at_ = kNever;
  Nanos last_completed_ = 0;
};

}  // namespace

Result<Tally> run_load(const LoadOptions& options) { return Load(options).run(); }

}  // namespace kvcluster::bench
