// election_test: shows on this machine that a killed leader is replaced. Prints PASS or FAIL.

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "client/election_trial.hpp"

namespace {

namespace fs = std::filesystem;

constexpr int kPassed = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

std::atomic<bool> interrupted{false};

void on_signal(int) { interrupted.store(true); }

// A directory that is gone when its owner is.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(bool keep) : keep_(keep) {
    std::string pattern = (fs::temp_directory_path() / "election_test-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!keep_ && !path_.empty()) fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  bool keep_;
  std::string path_;
};

std::string kvstore_beside_this_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (error ? fs::path(".") : self.parent_path()) / "kvstore";
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Starts three nodes, kills their leader, and checks that the cluster goes on.",
               "election_test"};
  std::string kvstore = kvstore_beside_this_program();
  bool keep = false;
  app.set_version_flag("--version", std::string("election_test ") + KVCLUSTER_VERSION);
  app.add_option("--kvstore", kvstore, "The program to test (default: the one beside this one)");
  app.add_flag("--keep", keep, "Keep data and logs");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& shown) {
    return app.exit(shown);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "election_test: {} (see election_test --help)\n", error.what());
    return kUsage;
  }

  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  const TemporaryDirectory directory(keep);
  if (directory.path().empty()) {
    fmt::print("FAIL: no temporary directory can be made\n");
    return kFailed;
  }
  int step = 0;
  const auto outcome =
      kvcluster::client::run_election_trial({.kvstore = kvstore,
                                             .directory = directory.path(),
                                             .interrupted = &interrupted,
                                             .say = [&step](const std::string& line) {
                                               fmt::print("{}. {}\n", ++step, line);
                                               (void)std::fflush(stdout);
                                             }});
  if (keep) fmt::print("data and logs are in {}\n", directory.path());
  if (!outcome) {
    fmt::print("FAIL: {}\n", outcome.error().context);
    return kFailed;
  }
  fmt::print("PASS\n");
  return kPassed;
}
